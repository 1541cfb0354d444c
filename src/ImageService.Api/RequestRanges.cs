namespace ImageService.Api;

/// <summary>The ranges that hold for every model and installation; the schema, the checks and the messages all read them here.</summary>
internal static class RequestRanges
{
    public const int MaxPromptCharacters = 4096;
    public const int MaxSteps = 1000;
    public const float MaxGuidanceScale = 100;
    public const int MaxImages = 16;
    public const int MaxPreviewEvery = 1000;
    public const int MaxPriority = 10;
    public const int MaxMetadataEntries = 16;
    public const int MaxMetadataKey = 64;
    public const int MaxMetadataValue = 512;
    public const int MaxModelCharacters = 200;
    public const int MaxClipSkip = 31;
    public const int MaxPage = 100;
    public const int DefaultPage = 20;
}

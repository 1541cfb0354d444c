namespace ImageService.Api.Models;

/// <summary>What the front end reads of section <c>Models</c>.</summary>
public sealed class DefaultModelOptions
{
    public const string Section = "Models";

    /// <summary>Id of the model that requests without <c>model</c> get. Empty: the first one that workers announce.</summary>
    public string Default { get; set; } = "";
}

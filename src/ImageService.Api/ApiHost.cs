namespace ImageService.Api;

/// <summary>Names this assembly for test hosts: several executables have a <c>Program</c>, only one has this.</summary>
public sealed class ApiHost
{
    private ApiHost() { }
}

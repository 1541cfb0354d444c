using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Storage;

/// <summary>Where pictures live: section <c>Blobs</c>.</summary>
public sealed class BlobsOptions
{
    public const string Section = "Blobs";

    internal const string Disk = "disk";

    /// <summary><c>disk</c>: a folder, which all processes must share.</summary>
    [AllowedValues(Disk, ErrorMessage = "Blobs:Store must be disk.")]
    public string Store { get; set; } = Disk;

    /// <summary>The folder of <c>disk</c>, made when it is missing.</summary>
    [Required(ErrorMessage = "Blobs:DiskPath must name a folder.")]
    public string DiskPath { get; set; } = Path.Combine("data", "blobs");
}

[OptionsValidator]
internal sealed partial class BlobsOptionsValidator : IValidateOptions<BlobsOptions>;

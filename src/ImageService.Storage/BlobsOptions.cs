using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Storage;

/// <summary>Where pictures live: section <c>Blobs</c>.</summary>
public sealed class BlobsOptions
{
    public const string Section = "Blobs";

    internal const string Disk = "disk";
    internal const string S3Store = "s3";
    internal const string AzureStore = "azure";

    /// <summary><c>disk</c>: a folder, which all processes must share; <c>s3</c>, <c>azure</c>: an object store.</summary>
    [AllowedValues(Disk, S3Store, AzureStore, ErrorMessage = "Blobs:Store must be disk, s3 or azure.")]
    public string Store { get; set; } = Disk;

    /// <summary>The folder of <c>disk</c>, made when it is missing.</summary>
    [Required(ErrorMessage = "Blobs:DiskPath must name a folder.")]
    public string DiskPath { get; set; } = Path.Combine("data", "blobs");

    /// <summary>
    /// Whether a picture's address answers with a redirect to a URL of the object store, signed for <see cref="SignedUrlMinutes"/>, in place of the
    /// picture itself. Clients must be able to reach the store then. Without meaning for <c>disk</c>.
    /// </summary>
    public bool SignedUrls { get; set; }

    /// <summary>How long a signed URL is good for, minutes.</summary>
    [Range(1, 7 * 24 * 60)]
    public int SignedUrlMinutes { get; set; } = 15;

    [ValidateObjectMembers]
    public S3BlobsOptions S3 { get; } = new();

    [ValidateObjectMembers]
    public AzureBlobsOptions Azure { get; } = new();
}

/// <summary>The store <c>s3</c>: Amazon S3, or one that speaks its language. Credentials come from where Amazon's tools look for them
/// (<c>AWS_ACCESS_KEY_ID</c> and <c>AWS_SECRET_ACCESS_KEY</c>, a profile, or the machine's own identity).</summary>
public sealed class S3BlobsOptions
{
    internal const string WhenRequired = "when_required";
    internal const string WhenSupported = "when_supported";

    /// <summary>The bucket, which must exist.</summary>
    [RegularExpression("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", ErrorMessage = "Blobs:S3:Bucket must be 3 to 63 lower-case letters, digits, '.' or '-'.")]
    public string? Bucket { get; set; }

    /// <summary>The address of a store other than Amazon's.</summary>
    [Url(ErrorMessage = "Blobs:S3:ServiceUrl must be an http or https URL.")]
    public string? ServiceUrl { get; set; }

    /// <summary>The store's address as clients reach it, where that is another one: signed URLs begin with it.</summary>
    [Url(ErrorMessage = "Blobs:S3:PublicUrl must be an http or https URL.")]
    public string? PublicUrl { get; set; }

    /// <summary>The region; null: where Amazon's tools look for it, and us-east-1 with a <see cref="ServiceUrl"/>.</summary>
    [RegularExpression("^[a-z0-9-]{1,64}$", ErrorMessage = "Blobs:S3:Region must be a region's name, such as eu-central-1.")]
    public string? Region { get; set; }

    /// <summary>The bucket in the path of a URL rather than in its host; most stores other than Amazon's need it.</summary>
    public bool ForcePathStyle { get; set; }

    /// <summary>Trailing checksums: <c>when_required</c>, or <c>when_supported</c>, which many stores other than Amazon's refuse.</summary>
    [AllowedValues(WhenRequired, WhenSupported, ErrorMessage = "Blobs:S3:Checksums must be when_required or when_supported.")]
    public string Checksums { get; set; } = WhenRequired;

    /// <summary>Uploads in signed chunks (<c>aws-chunked</c>), which some stores refuse and some store as it came.</summary>
    public bool ChunkEncoding { get; set; }
}

/// <summary>The store <c>azure</c>: a container of Azure Blob Storage.</summary>
public sealed class AzureBlobsOptions
{
    /// <summary>With a key in it. Not with <see cref="ServiceUrl"/>.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>The account's address, <c>https://ACCOUNT.blob.core.windows.net</c>; the identity is found as Azure's tools find it (managed identity,
    /// workload identity, environment, az login).</summary>
    [Url(ErrorMessage = "Blobs:Azure:ServiceUrl must be an http or https URL.")]
    public string? ServiceUrl { get; set; }

    /// <summary>The container, which must exist.</summary>
    [RegularExpression("^[a-z0-9](-?[a-z0-9]){2,62}$", ErrorMessage = "Blobs:Azure:Container must be 3 to 63 lower-case letters, digits and single '-'.")]
    public string Container { get; set; } = "images";
}

[OptionsValidator]
internal sealed partial class BlobsOptionsValidator : IValidateOptions<BlobsOptions>;

/// <summary>What the chosen store cannot do without.</summary>
internal sealed class BlobStoreSettings : IValidateOptions<BlobsOptions>
{
    public ValidateOptionsResult Validate(string? name, BlobsOptions options) => options switch
    {
        { Store: BlobsOptions.S3Store, S3.Bucket: null or "" } => ValidateOptionsResult.Fail("Blobs:S3:Bucket must name the bucket when Blobs:Store is s3."),
        { Store: BlobsOptions.AzureStore, Azure: { ConnectionString: null or "", ServiceUrl: null or "" } } =>
            ValidateOptionsResult.Fail("Blobs:Azure:ConnectionString or Blobs:Azure:ServiceUrl must name the account when Blobs:Store is azure."),
        { Store: BlobsOptions.AzureStore, Azure: { ConnectionString.Length: > 0, ServiceUrl.Length: > 0 } } =>
            ValidateOptionsResult.Fail("Blobs:Azure:ConnectionString and Blobs:Azure:ServiceUrl exclude each other."),
        _ => ValidateOptionsResult.Success,
    };
}

using Amazon;
using Amazon.Runtime;
using Amazon.S3;

namespace ImageService.Storage.S3;

/// <summary>How this product connects to S3 and to the stores that speak its language.</summary>
internal static class S3Client
{
    private const string RegionOfOthers = "us-east-1"; // what stores other than Amazon's take for granted
    private const int Retries = 3;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <param name="credentials">Null: found as Amazon's tools find them.</param>
    public static AmazonS3Client Create(S3BlobsOptions options, string? serviceUrl, AWSCredentials? credentials = null)
    {
        var required = options.Checksums == S3BlobsOptions.WhenRequired;
        var config = new AmazonS3Config
        {
            ForcePathStyle = options.ForcePathStyle,
            MaxErrorRetry = Retries,
            Timeout = Timeout,
            RequestChecksumCalculation = required ? RequestChecksumCalculation.WHEN_REQUIRED : RequestChecksumCalculation.WHEN_SUPPORTED,
            ResponseChecksumValidation = required ? ResponseChecksumValidation.WHEN_REQUIRED : ResponseChecksumValidation.WHEN_SUPPORTED,
        };
        if (!string.IsNullOrEmpty(serviceUrl))
        {
            config.ServiceURL = serviceUrl;
            config.AuthenticationRegion = options.Region ?? RegionOfOthers;
        }
        else if (options.Region is not null)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(options.Region);
        }
        return credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(credentials, config);
    }
}

using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Storage;

/// <summary>The server of the job store <c>redis</c>: section <c>Redis</c>.</summary>
public sealed class RedisOptions
{
    public const string Section = "Redis";

    /// <summary>
    /// StackExchange.Redis' connection string: <c>host:port,password=...,ssl=true</c>; several hosts for a cluster or Sentinel. Redis 6.2 or newer,
    /// with <c>appendonly yes</c>: without it a restart loses what was accepted; with <c>appendfsync always</c> nothing acknowledged is ever lost.
    /// </summary>
    [Required(ErrorMessage = "Redis:Connection must name a server, such as localhost:6379.")]
    public string Connection { get; set; } = "localhost:6379";

    /// <summary>Begins every key. The braces are a hash tag: they keep all keys of a cluster in one slot.</summary>
    [RegularExpression(@"^\{[A-Za-z0-9_\-]{1,64}\}$", ErrorMessage = "Redis:KeyPrefix must be 1 to 64 letters, digits, '-' or '_' in braces.")]
    public string KeyPrefix { get; set; } = "{imageservice}";
}

[OptionsValidator]
internal sealed partial class RedisOptionsValidator : IValidateOptions<RedisOptions>;

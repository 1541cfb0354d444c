using System.Buffers.Text;
using ImageService.Api.Problems;

namespace ImageService.Api.StartImages;

/// <summary>The file in a text field: base64, or a data URI around it. Addresses are never fetched.</summary>
internal static class Base64Image
{
    /// <exception cref="ProblemException">400 naming the field.</exception>
    public static byte[] Read(string field, string text)
    {
        var payload = text.AsSpan().Trim();
        if (payload.StartsWith("data:", StringComparison.OrdinalIgnoreCase))
        {
            var comma = payload.IndexOf(',');
            if (comma < 0 || !payload[..comma].EndsWith(";base64", StringComparison.OrdinalIgnoreCase))
                throw ProblemException.Field(field, $"{field} must be a data URI with ;base64, or plain base64.");
            payload = payload[(comma + 1)..];
        }
        if (!Base64.IsValid(payload, out var length) || length == 0)
            throw ProblemException.Field(field, $"{field} must be a PNG, JPEG or WebP file as base64 text or data URI; addresses are not fetched.");
        var bytes = new byte[length];
        Convert.TryFromBase64Chars(payload, bytes, out _);
        return bytes;
    }
}

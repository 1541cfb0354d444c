using System.Globalization;

namespace ImageService.Api.Jobs;

/// <summary>The <c>wait</c> preference of RFC 7240. What is not understood is ignored, as section 2 asks.</summary>
internal static class PreferHeader
{
    /// <returns>For how many seconds the caller will wait, at most <paramref name="most"/>; null = no such preference.</returns>
    public static int? Wait(IHeaderDictionary headers, int most)
    {
        foreach (var header in headers["Prefer"])
        {
            foreach (var preference in (header ?? "").Split(','))
            {
                var (name, value) = Split(preference.Split(';')[0]);
                if (name.Equals("wait", StringComparison.OrdinalIgnoreCase)
                    && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                    return Math.Min(seconds, most);
            }
        }
        return null;
    }

    private static (string Name, string Value) Split(string preference)
    {
        var parts = preference.Split('=', 2);
        return (parts[0].Trim(), parts.Length == 2 ? parts[1].Trim().Trim('"') : "");
    }
}

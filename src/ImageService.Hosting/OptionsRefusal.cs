using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace ImageService.Hosting;

/// <summary>Refused options in the configuration's own words: <c>Engine:MeasureSeconds must be between 0 and 300.</c></summary>
internal static partial class OptionsRefusal
{
    /// <summary>Each reason once, whatever validators found it.</summary>
    public static string Sentence(OptionsValidationException refused)
    {
        // By convention of this product; options of several sections have none, and one property for each.
        var section = refused.OptionsType.GetField("Section")?.GetRawConstantValue() is string name ? name + ":" : "";
        return string.Join(' ', refused.Failures.Select(failure => Configured(failure, section)).Distinct());
    }

    // ValidateOptionsResultBuilder puts the property before an attribute's message, and the attributes' own messages name "EngineOptions.MeasureSeconds".
    private static string Configured(string failure, string section) =>
        FieldOfType().Replace(Property().Replace(failure, ""), match => section + match.Groups["path"].Value.Replace('.', ':'));

    [GeneratedRegex(@"^\w+(, \w+)*: (?=\S)")]
    private static partial Regex Property();

    [GeneratedRegex(@"^The (field )?\w+Options\.(?<path>[\w.]+)( field)?(?= (must|is) )")]
    private static partial Regex FieldOfType();
}

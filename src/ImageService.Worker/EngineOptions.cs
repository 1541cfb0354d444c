using System.ComponentModel.DataAnnotations;
using System.Globalization;
using ImageService.Diffusion.Denoise;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>How large U-Net calls may become and what stays loaded.</summary>
public sealed class EngineOptions : IValidatableObject
{
    public const string Section = "Engine";

    private const int MostRows = 256;
    private const int LongestSide = 8192; // as the API's Limits:MaxSide
    private const int SideMultiple = 8;

    /// <summary>
    /// U-Net rows of one call, at sizes that <see cref="RowBudgets"/> does not name: a picture with guidance takes 2, one without takes 1. Null = measured at
    /// start, see <see cref="MeasureSeconds"/>.
    /// </summary>
    [Range(1, MostRows)]
    public int? MaxRows { get; set; }

    /// <summary>
    /// U-Net rows of one call by the size of the pictures in pixels, upright or lying: <c>"512x512": 16</c>. Sides of 8 to 8192, multiples of 8; rows 2 to 256.
    /// </summary>
    public IDictionary<string, string> RowBudgets { get; } = new Dictionary<string, string>();

    /// <summary>
    /// Seconds at start in which the row budget of each preloaded model is measured at the model's own size, where neither <see cref="RowBudgets"/> nor
    /// <see cref="MaxRows"/> says it; other sizes follow by their pixels. 0 = not at all: 8 rows on a CPU, 16 elsewhere.
    /// </summary>
    [Range(0, 300)]
    public double MeasureSeconds { get; set; } = 2;

    /// <summary>
    /// Row counts to which calls are padded, rising; null = what suits the device: none on a CPU, where a row costs time and a new shape does not.
    /// </summary>
    public IReadOnlyList<int>? RowSizes { get; set; }

    /// <summary>The one row count of calls for pictures asked for with determinism "exact".</summary>
    [Range(2, MostRows)]
    public int ExactRows { get; set; } = 2;

    /// <summary>Who may share U-Net calls; anything but <see cref="Batching.Step"/> is for comparison.</summary>
    [EnumDataType(typeof(Batching))]
    public Batching Batching { get; set; } = Batching.Step;

    /// <summary>Models in memory at a time; the one unused for longest makes room. So many are loaded before the worker is ready, <c>Models:Default</c> first.</summary>
    [Range(1, 64)]
    public int MaxLoadedModels { get; set; } = 1;

    /// <summary>Seconds after which a turn that does not end, one U-Net call mostly, counts as stuck and <c>/healthz/live</c> asks for a restart.</summary>
    [Range(10, 86_400)]
    public int StuckSeconds { get; set; } = 600;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (RowSizes is { } sizes && (sizes.Any(s => s is < 1 or > MostRows) || !sizes.Order().Distinct().SequenceEqual(sizes)))
            yield return new ValidationResult($"Engine:RowSizes must be rising numbers of 1 to {MostRows}.", [nameof(RowSizes)]);
        foreach (var (size, rows) in RowBudgets)
        {
            if (TrySize(size) is null)
                yield return new ValidationResult($"Engine:RowBudgets:{size} must be called WIDTHxHEIGHT in pixels, each a multiple of {SideMultiple} of {SideMultiple} to {LongestSide}, as 512x512.");
            else if (!int.TryParse(rows, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count is < 2 or > MostRows)
                yield return new ValidationResult($"Engine:RowBudgets:{size} must be 2 to {MostRows} rows, not '{rows}'.");
        }
    }

    /// <returns>Null if it is not WIDTHxHEIGHT within the range.</returns>
    internal static (int Width, int Height)? TrySize(string size)
    {
        var sides = size.Split('x');
        return sides.Length == 2 && TrySide(sides[0]) is { } width && TrySide(sides[1]) is { } height ? (width, height) : null;
    }

    private static int? TrySide(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var side) && side is >= SideMultiple and <= LongestSide && side % SideMultiple == 0 ? side : null;
}

[OptionsValidator]
internal sealed partial class EngineOptionsValidator : IValidateOptions<EngineOptions>;

using System.CommandLine;

namespace ImageService.Benchmarks;

/// <summary>Ranges of options: a value outside, or none of the kind, is refused in a sentence that names the option and the range.</summary>
internal static class OptionRanges
{
    public static void Within<T>(this Option<T> option, T least, T most)
        where T : IComparable<T> => Require(option, value => IsWithin(value, least, most), $"{least} to {most}");

    /// <summary>Each of several.</summary>
    public static void EachWithin<T>(this Option<T[]> option, T least, T most)
        where T : IComparable<T> => Require(option, values => values?.All(value => IsWithin(value, least, most)) != false, $"{least} to {most}, each");

    private static void Require<T>(Option<T> option, Func<T?, bool> holds, string range) => option.Validators.Add(given =>
    {
        try
        {
            if (holds(given.GetValueOrDefault<T>()))
                return;
        }
        catch (InvalidOperationException)
        {
            // It cannot be read as what it should be.
        }
        given.AddError($"{option.Name} must be {range}.");
    });

    private static bool IsWithin<T>(T? value, T least, T most)
        where T : IComparable<T> => least.CompareTo(value) <= 0 && most.CompareTo(value) >= 0;
}

using System.Text;
using ImageService.Api.Problems;
using ImageService.Core;

namespace ImageService.Api.Jobs;

/// <summary>The single-field checks of <see cref="JobValidator"/>. Each gives the value back and notes what is wrong with it.</summary>
internal sealed class Checks
{
    private readonly FieldErrors _errors = new();

    public bool Failed { get; private set; }

    public void ThrowIfAny() => _errors.ThrowIfAny();

    public void Add(string field, string sentence)
    {
        Failed = true;
        _errors.Add(field, sentence);
    }

    public int Whole(string field, int value, int least, int most)
    {
        if (value < least || value > most)
            Add(field, JobFields.MustBe(field));
        return value;
    }

    public float Real(string field, float value, float least, float most)
    {
        // Written so that NaN fails.
        if (!(value >= least && value <= most))
            Add(field, JobFields.MustBe(field));
        return value;
    }

    public string Prompt(string field, string value, bool required)
    {
        if (required && string.IsNullOrWhiteSpace(value) || LongerThan(value, RequestRanges.MaxPromptCharacters))
            Add(field, JobFields.MustBe(field));
        else if (!IsPlainText(value))
            Add(field, $"{field} must be valid Unicode text without NUL characters.");
        return value;
    }

    public string Scheduler(string value)
    {
        if (SchedulerNames.Canonical(value) is { } name)
            return name;
        Add("scheduler", $"scheduler must be one of {string.Join(", ", SchedulerNames.All.Select(s => s.Name))}, or an alias of one.");
        return value;
    }

    public long Seed(long value, int images)
    {
        if (value < 0)
            Add("seed", JobFields.MustBe("seed"));
        else if (images is >= 1 and <= RequestRanges.MaxImages && value > long.MaxValue - (images - 1))
            Add("seed", $"seed must be from 0 to {long.MaxValue - (images - 1)} when num_images is {images}, because image i takes seed + i.");
        return value;
    }

    public int? ClipSkip(int? value, ModelDescription model)
    {
        if (value < 0 || value > model.MaxClipSkip)
            Add("clip_skip", $"clip_skip must be a whole number from 0 to {model.MaxClipSkip} for model '{model.Id}'.");
        return value is 0 ? null : value;
    }

    public IReadOnlyDictionary<string, string>? Metadata(IReadOnlyDictionary<string, string>? value)
    {
        if (value is not null && (value.Count > RequestRanges.MaxMetadataEntries || !value.All(IsLabel)))
            Add("metadata", JobFields.MustBe("metadata"));
        return value;
    }

    private static bool IsLabel(KeyValuePair<string, string> entry) =>
        entry is { Key.Length: > 0, Value: not null }
        && !LongerThan(entry.Key, RequestRanges.MaxMetadataKey) && !LongerThan(entry.Value, RequestRanges.MaxMetadataValue)
        && IsPlainText(entry.Key) && IsPlainText(entry.Value);

    // JSON Schema counts code points, not UTF-16 units.
    private static bool LongerThan(string text, int most) =>
        text.Length > most && (text.Length > 2 * most || text.EnumerateRunes().Count() > most);

    private static bool IsPlainText(string text) => !text.Contains('\0') && !HasLoneSurrogate(text);

    private static bool HasLoneSurrogate(string text)
    {
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var used) != System.Buffers.OperationStatus.Done)
                return true;
            rest = rest[used..];
        }
        return false;
    }
}

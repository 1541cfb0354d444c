using System.Text.RegularExpressions;

namespace ImageService.Deployment.Tests.Containers;

/// <summary>The Dockerfile as stages with their instructions; continuation lines joined, comments dropped.</summary>
internal sealed partial class Dockerfile
{
    private Dockerfile(IReadOnlyList<Instruction> arguments, IReadOnlyList<Stage> stages) => (Arguments, Stages) = (arguments, stages);

    /// <summary>What stands before the first stage.</summary>
    public IReadOnlyList<Instruction> Arguments { get; }

    public IReadOnlyList<Stage> Stages { get; }

    public Stage this[string target] => Assert.Single(Stages, stage => stage.Name == target);

    public static Dockerfile Load()
    {
        var text = CommentLine().Replace(Repository.Read("Dockerfile"), "");
        var instructions = Continuation().Replace(text, " ").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(line => line.Split(' ', 2, StringSplitOptions.TrimEntries))
            .Select(parts => new Instruction(parts[0], Whitespace().Replace(parts.ElementAtOrDefault(1) ?? "", " "))).ToList();

        var stages = new List<Stage>();
        foreach (var instruction in instructions)
        {
            if (instruction.Name == "FROM")
            {
                var from = From().Match(instruction.Value);
                Assert.True(from.Success, $"FROM {instruction.Value}: no stage name");
                stages.Add(new Stage(from.Groups["name"].Value, from.Groups["image"].Value, []));
            }
            else if (stages.Count > 0)
            {
                stages[^1].Instructions.Add(instruction);
            }
        }

        return new Dockerfile(instructions.TakeWhile(instruction => instruction.Name != "FROM").ToList(), stages);
    }

    /// <summary>The stage and those it starts from, nearest first.</summary>
    public IEnumerable<Stage> Ancestry(Stage stage)
    {
        for (var current = stage; current is not null; current = Stages.FirstOrDefault(other => other.Name == current.Image))
            yield return current;
    }

    /// <summary>The last instruction of that name in the image a stage makes, or null.</summary>
    public string? Last(Stage stage, string name) =>
        Ancestry(stage).SelectMany(each => Enumerable.Reverse(each.Instructions)).FirstOrDefault(each => each.Name == name)?.Value;

    /// <summary>Environment of the image a stage makes.</summary>
    public Dictionary<string, string> Environment(Stage stage)
    {
        var variables = new Dictionary<string, string>();
        foreach (Match pair in Ancestry(stage).Reverse().SelectMany(each => each.Instructions).Where(each => each.Name == "ENV")
            .SelectMany(each => Assignment().Matches(each.Value)))
        {
            variables[pair.Groups["name"].Value] = pair.Groups["value"].Value.Trim('"');
        }

        return variables;
    }

    [GeneratedRegex(@"^\s*#.*\n", RegexOptions.Multiline)]
    private static partial Regex CommentLine();

    [GeneratedRegex(@"\\\n")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();

    [GeneratedRegex(@"^(?:--platform=\S+ )?(?<image>\S+) AS (?<name>\S+)$")]
    private static partial Regex From();

    [GeneratedRegex(@"(?<name>[A-Za-z_][A-Za-z0-9_]*)=(?<value>\S*)")]
    private static partial Regex Assignment();
}

internal sealed record Stage(string Name, string Image, List<Instruction> Instructions);

internal sealed record Instruction(string Name, string Value);

using System.Text.RegularExpressions;

namespace ImageService.Deployment.Tests;

/// <summary>Names of settings as the options classes in <c>src</c> spell them, read from the source: these tests build without the services.</summary>
internal static partial class OptionsSource
{
    /// <summary>Properties by section. Several classes may share a section.</summary>
    public static Dictionary<string, HashSet<string>> Read()
    {
        var sections = new Dictionary<string, HashSet<string>>();
        foreach (var text in Directory.EnumerateFiles(Repository.PathOf("src"), "*Options.cs", SearchOption.AllDirectories).Select(File.ReadAllText))
        {
            if (Section().Match(text) is not { Success: true } section)
                continue;
            if (!sections.TryGetValue(section.Groups[1].Value, out var names))
                sections[section.Groups[1].Value] = names = [];
            names.UnionWith(Property().Matches(text).Select(match => match.Groups[1].Value));
        }

        return sections;
    }

    [GeneratedRegex("const string Section = \"(\\w+)\"")]
    private static partial Regex Section();

    [GeneratedRegex(@"public [^(){};=]+ (\w+) \{ get;")]
    private static partial Regex Property();
}

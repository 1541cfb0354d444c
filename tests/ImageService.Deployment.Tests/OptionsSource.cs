using System.Text.RegularExpressions;

namespace ImageService.Deployment.Tests;

/// <summary>Names of settings as the options classes in <c>src</c> spell them, read from the source: these tests build without the services.</summary>
internal static partial class OptionsSource
{
    /// <summary>Properties by section. Several classes may share a section; a class without one, a group inside of another's, stands under "".</summary>
    public static Dictionary<string, HashSet<string>> Read()
    {
        var sections = new Dictionary<string, HashSet<string>>();
        foreach (var text in Directory.EnumerateFiles(Repository.PathOf("src"), "*Options.cs", SearchOption.AllDirectories).Select(File.ReadAllText))
        {
            var section = Section().Match(text).Groups[1].Value;
            if (!sections.TryGetValue(section, out var names))
                sections[section] = names = [];
            names.UnionWith(Property().Matches(text).Select(match => match.Groups[1].Value));
        }

        return sections;
    }

    [GeneratedRegex("const string Section = \"(\\w+)\"")]
    private static partial Regex Section();

    [GeneratedRegex(@"public [^(){};=]+ (\w+) \{ get;")]
    private static partial Regex Property();
}

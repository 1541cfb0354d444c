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
            // A class names its section before its properties; a file may hold several classes.
            var starts = Section().Matches(text);
            foreach (Match property in Property().Matches(text))
            {
                var section = starts.LastOrDefault(start => start.Index < property.Index)?.Groups[1].Value ?? "";
                if (!sections.TryGetValue(section, out var names))
                    sections[section] = names = [];
                names.Add(property.Groups[1].Value);
            }
        }

        return sections;
    }

    [GeneratedRegex("const string Section = \"(\\w+)\"")]
    private static partial Regex Section();

    [GeneratedRegex(@"public [^(){};=]+ (\w+) \{ get;")]
    private static partial Regex Property();
}

namespace ImageService.Tests;

/// <summary>Reference pictures and tiny models in a <c>shared/golden</c> folder that a checkout may lack.</summary>
internal static class GoldenFolder
{
    /// <summary>A path below it. Without the folder the calling test is skipped, or fails where the variable CI is set.</summary>
    public static string Find(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            foreach (var shared in new[] { Path.Combine(folder.FullName, "shared"), Path.Combine(folder.FullName, "..", "shared") })
            {
                var candidate = Path.GetFullPath(Path.Combine(shared, "golden", relative));
                if (Path.Exists(candidate))
                    return candidate;
            }
        }
        var message = $"Reference data {relative} is not there: put it in shared/golden beside the repository.";
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            Assert.Fail(message);
        Assert.Skip(message);
        return "";
    }

    /// <summary>Copies a tiny model, with CLIP's vocabulary as its tokenizers, below a folder of models.</summary>
    public static string CopyModel(string name, string models)
    {
        var source = Find(name);
        var target = Path.Combine(models, name);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var relative = Path.GetRelativePath(source, file);
            if (!relative.StartsWith("expected", StringComparison.Ordinal))
                Copy(file, Path.Combine(target, relative));
        }
        string[] tokenizers = Directory.Exists(Path.Combine(source, "text_encoder_2")) ? ["tokenizer", "tokenizer_2"] : ["tokenizer"];
        foreach (var tokenizer in tokenizers)
        {
            foreach (var file in Directory.EnumerateFiles(Find("tokenizer")))
                Copy(file, Path.Combine(target, tokenizer, Path.GetFileName(file)));
        }
        return target;
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to);
    }
}

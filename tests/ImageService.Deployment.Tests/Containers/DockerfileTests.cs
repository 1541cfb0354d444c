using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace ImageService.Deployment.Tests.Containers;

public sealed partial class DockerfileTests
{
    private static readonly Dockerfile File = Dockerfile.Load();

    public static TheoryData<string> Targets => new("api", "worker", "worker-cuda", "standalone");

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_target_runs_as_a_user_with_a_health_check(string target)
    {
        var stage = File[target];
        Assert.Equal("$APP_UID", File.Last(stage, "USER"));
        Assert.Contains("/healthz/live", File.Last(stage, "HEALTHCHECK"), StringComparison.Ordinal);
        Assert.Contains("/usr/local/bin/healthcheck", File.Last(stage, "HEALTHCHECK"), StringComparison.Ordinal);
        Assert.Contains(File.Ancestry(stage).SelectMany(each => each.Instructions), instruction =>
            instruction is { Name: "COPY" } && instruction.Value.EndsWith(" /usr/local/bin/healthcheck", StringComparison.Ordinal));
        // Microsoft's images define APP_UID; on any other base it must be here.
        if (!File.Ancestry(stage).Last().Image.StartsWith("mcr.microsoft.com/dotnet/", StringComparison.Ordinal))
            Assert.Matches("^[1-9][0-9]*$", File.Environment(stage)["APP_UID"]);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_target_listens_on_8080_and_starts_what_was_published(string target)
    {
        var stage = File[target];
        var variables = File.Environment(stage);
        Assert.Equal("http://+:8080", variables.GetValueOrDefault("ASPNETCORE_URLS") ?? variables["Kestrel__Endpoints__Http__Url"]);

        var program = Program().Match(File.Last(stage, "ENTRYPOINT") ?? "").Groups["name"].Value;
        var published = Assert.Single(stage.Instructions, instruction => instruction.Name == "COPY" && instruction.Value.StartsWith("--from=publish-", StringComparison.Ordinal));
        var publish = File[Copied().Match(published.Value).Groups["stage"].Value];
        Assert.Contains($"dotnet publish src/{program} ", Assert.Single(publish.Instructions, instruction => instruction.Name == "RUN").Value, StringComparison.Ordinal);
        Assert.True(System.IO.File.Exists(Repository.PathOf($"src/{program}/{program}.csproj")));
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("worker-cuda")]
    [InlineData("standalone")]
    public void What_draws_carries_the_models(string target)
    {
        Assert.Contains(File[target].Instructions, instruction => instruction is { Name: "COPY", Value: "models /models" });
        Assert.Equal("/models", File.Environment(File[target])["Models__Path"]);
    }

    [Fact]
    public void Everything_copied_from_the_context_exists_and_gets_past_dockerignore()
    {
        var sources = File.Stages.SelectMany(stage => stage.Instructions).Where(instruction => instruction.Name == "COPY")
            .Select(instruction => instruction.Value.Split(' ')).Where(parts => !parts.Any(part => part.StartsWith("--from=", StringComparison.Ordinal)))
            .SelectMany(parts => parts.Where(part => !part.StartsWith("--", StringComparison.Ordinal)).SkipLast(1)).Distinct().ToList();
        var allowed = Repository.Read(".dockerignore").Split('\n').Where(line => line.StartsWith('!')).Select(line => line[1..]).ToList();
        Assert.NotEmpty(sources);
        Assert.All(sources, source =>
        {
            Assert.True(Path.Exists(Repository.PathOf(source)), $"{source} does not exist");
            Assert.Contains(allowed, entry => source == entry || source.StartsWith(entry + "/", StringComparison.Ordinal));
        });
    }

    [Fact]
    public void Everything_copied_from_a_stage_names_one_that_comes_before()
    {
        for (var i = 0; i < File.Stages.Count; i++)
        {
            var before = File.Stages.Take(i).Select(stage => stage.Name).ToList();
            Assert.All(File.Stages[i].Instructions.Where(instruction => instruction.Name == "COPY").Select(instruction => Copied().Match(instruction.Value)).Where(match => match.Success),
                match => Assert.Contains(match.Groups["stage"].Value, before));
        }
    }

    [Fact]
    public void The_restore_layer_sees_every_project_and_no_code()
    {
        var copied = File["restore"].Instructions.Where(instruction => instruction.Name == "COPY").SelectMany(instruction => instruction.Value.Split(' ').SkipLast(1)).ToList();
        var projects = Closure("src/ImageService.Standalone/ImageService.Standalone.csproj");
        Assert.Equal(projects.Order(), copied.Where(path => path.EndsWith(".csproj", StringComparison.Ordinal)).Order());
        Assert.All(copied, path => Assert.Matches(@"\.(csproj|props|json)$", path));
    }

    [Fact]
    public void The_gpu_image_is_restored_and_published_with_the_gpu_package()
    {
        var commands = File.Ancestry(File["publish-worker-cuda"]).SelectMany(stage => stage.Instructions).Where(instruction => instruction.Name == "RUN").Select(instruction => instruction.Value).ToList();
        Assert.Contains(commands, command => command.StartsWith("dotnet restore", StringComparison.Ordinal) && command.Contains("-p:OrtFlavor=Gpu", StringComparison.Ordinal));
        Assert.Contains(commands, command => command.StartsWith("dotnet publish", StringComparison.Ordinal) && command.Contains("-p:OrtFlavor=Gpu", StringComparison.Ordinal));
        Assert.Contains("'$(OrtFlavor)' == 'Gpu'", Repository.Read("src/ImageService.Worker/ImageService.Worker.csproj"), StringComparison.Ordinal);
    }

    [Fact]
    public void Base_images_are_pinned()
    {
        var arguments = File.Arguments.Where(instruction => instruction.Name == "ARG").Select(instruction => instruction.Value.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        var names = File.Stages.Select(stage => stage.Name).ToHashSet();
        Assert.All(File.Stages.Where(stage => !names.Contains(stage.Image)), stage =>
            Assert.Matches(@":\d+\.\d+", arguments.Aggregate(stage.Image, (image, argument) => image.Replace($"${{{argument.Key}}}", argument.Value, StringComparison.Ordinal))));
    }

    private static HashSet<string> Closure(string project)
    {
        var found = new HashSet<string> { project };
        foreach (var reference in XDocument.Load(Repository.PathOf(project)).Descendants("ProjectReference"))
        {
            var full = Path.GetFullPath(Path.Combine(Repository.Root, Path.GetDirectoryName(project)!, reference.Attribute("Include")!.Value));
            found.UnionWith(Closure(Path.GetRelativePath(Repository.Root, full)));
        }

        return found;
    }

    [GeneratedRegex("\"(?<name>[^\"]+)\\.dll\"")]
    private static partial Regex Program();

    [GeneratedRegex(@"--from=(?<stage>\S+)")]
    private static partial Regex Copied();
}

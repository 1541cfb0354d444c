namespace ImageService.Deployment.Tests.Charts;

public sealed class ChartTests
{
    public static TheoryData<string> AllProfiles => Profiles.All;

    public static TheoryData<string> RefusedValues => new(
        "api.replica=3",
        "api.replicas=two",
        "mode=cluster",
        "redis.address=redis",
        "execution.provider=rocm",
        "worker.resources.limit=1",
        "settings.Limits__MaxPixels=4194304",
        "networkPolicy.redisTo[0].namespace=data");

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Lint_finds_nothing(string profile) =>
        await Tool.Helm.SucceedAsync("lint", Repository.PathOf(Profiles.Chart), "--strict", "--values", Profiles.ValuesFile(profile));

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Manifests_have_no_unknown_fields(string profile) => Assert.NotEmpty((await Profiles.LoadAsync(profile)).Objects);

    [Fact]
    public async Task Manifests_have_the_types_and_required_fields_of_their_kinds()
    {
        var folder = Directory.CreateTempSubdirectory("imageservice-manifests-");
        try
        {
            var files = new List<string>();
            foreach (var profile in Profiles.All.Select(row => row.Data))
            {
                var file = Path.Combine(folder.FullName, $"{profile}.yaml");
                await File.WriteAllTextAsync(file, await Profiles.RenderAsync(profile), TestContext.Current.CancellationToken);
                files.Add(file);
            }

            await Tool.Node.SucceedAsync([Validator, Tool.Folder, .. files]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("containerPort: 8080", "containerPort: \"8080\"")]
    [InlineData("maxReplicaCount: 8", "maxReplicaCount: \"8\"")]
    [InlineData("kind: ScaledObject", "kind: ScaledObjects")]
    public async Task The_type_check_notices_a_wrong_type(string right, string wrong)
    {
        var yaml = await Profiles.RenderAsync("everything");
        Assert.Contains(right, yaml, StringComparison.Ordinal);
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, yaml.Replace(right, wrong, StringComparison.Ordinal), TestContext.Current.CancellationToken);
            Assert.NotEqual(0, (await Tool.Node.RunAsync(Validator, Tool.Folder, file)).ExitCode);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("imagePullPolicy:", "imagePullPolicyy:")]
    [InlineData("cooldownPeriod:", "coolDownPeriod:")]
    public async Task The_field_check_notices_an_unknown_field(string right, string wrong)
    {
        var yaml = await Profiles.RenderAsync("everything");
        Assert.Contains(right, yaml, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => Manifests.Parse(yaml.Replace(right, wrong, StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(RefusedValues))]
    public async Task Values_that_the_chart_does_not_know_are_refused(string assignment)
    {
        var result = await Tool.Helm.RunAsync("template", "demo", Repository.PathOf(Profiles.Chart), "--set", assignment);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("schema", result.Error, StringComparison.Ordinal);
    }

    private static string Validator => Repository.PathOf("tests/ImageService.Deployment.Tests/validate.mjs");
}

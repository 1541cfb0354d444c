using ImageService.Deployment.Tests.Charts;
using ImageService.Deployment.Tests.Containers;

namespace ImageService.Deployment.Tests;

/// <summary>A misspelt environment variable is silently ignored by every service, so the names are held together here.</summary>
public sealed class SettingNameTests
{
    public static TheoryData<string> AllProfiles => Profiles.All;

    [Fact]
    public void Settings_of_the_compose_file_are_documented() =>
        // The stores' own variables are theirs.
        Assert.All(Compose.Load().Services.Values.Where(service => service.Build is not null).SelectMany(service => service.Environment.Keys), AssertDocumented);

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Settings_of_the_chart_are_documented(string profile)
    {
        var manifests = await Profiles.LoadAsync(profile);
        Assert.All(manifests.Settings.Data.Keys, AssertDocumented);
        Assert.All(manifests.Containers.SelectMany(container => container.Env).Select(variable => variable.Name), AssertDocumented);
    }

    [Fact]
    public void Settings_of_the_images_are_documented()
    {
        var file = Dockerfile.Load();
        Assert.All(DockerfileTests.Targets.Select(row => row.Data).SelectMany(target => file.Environment(file[target]).Keys).Where(name => name.Contains("__", StringComparison.Ordinal)
            && !name.StartsWith("Kestrel__", StringComparison.Ordinal)), AssertDocumented);
    }

    [Fact]
    public async Task Settings_that_are_documented_for_deployments_are_known_to_the_chart_or_to_an_image()
    {
        var file = Dockerfile.Load();
        var used = DockerfileTests.Targets.Select(row => row.Data).SelectMany(target => file.Environment(file[target]).Keys).ToHashSet();
        foreach (var profile in Profiles.All.Select(row => row.Data))
        {
            var manifests = await Profiles.LoadAsync(profile);
            used.UnionWith(manifests.Settings.Data.Keys);
            used.UnionWith(manifests.Containers.SelectMany(container => container.Env).Select(variable => variable.Name));
        }

        Assert.Empty(Documentation.Settings.Select(setting => setting.Replace(":", "__", StringComparison.Ordinal)).Except(used));
    }

    [Fact]
    public void Documented_settings_are_properties_of_the_options_that_have_their_section()
    {
        var options = OptionsSource.Read();
        foreach (var parts in Documentation.Settings.Select(setting => setting.Split(':')))
        {
            // A group of settings such as Blobs:S3 is held to the code as soon as the code has the group.
            if (!options.TryGetValue(parts[0], out var names) || (parts.Length > 2 && !names.Contains(parts[1])))
                continue;
            Assert.True(names.Contains(parts[1]), $"{string.Join(':', parts)}: the options of section {parts[0]} have no {parts[1]}");
            if (parts.Length > 2)
                Assert.True(options.Values.Any(all => all.Contains(parts[2])), $"{string.Join(':', parts)}: no options have {parts[2]}");
        }
    }

    private static void AssertDocumented(string name)
    {
        if (name.Contains("__", StringComparison.Ordinal))
            Assert.Contains(name.Replace("__", ":", StringComparison.Ordinal), Documentation.Settings);
        else
            Assert.Contains(name, Documentation.ForeignVariables);
    }
}

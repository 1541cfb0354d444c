using System.Text;
using System.Text.Json.Nodes;

namespace ImageService.Deployment.Tests.Monitoring;

public sealed class DashboardTests
{
    private static readonly JsonNode Dashboard = JsonNode.Parse(Repository.Read("deploy/grafana/imageservice.json"))!;

    private static List<JsonNode> Panels => [.. Dashboard["panels"]!.AsArray().Select(panel => panel!)];

    private static List<string> Expressions => [.. Panels.SelectMany(panel => panel["targets"]?.AsArray() ?? []).Select(target => target!["expr"]!.GetValue<string>())];

    [Fact]
    public async Task Every_query_is_valid_promql()
    {
        var rules = new StringBuilder("groups:\n  - name: dashboard\n    rules:\n");
        foreach (var (index, expression) in Expressions.Index())
        {
            var query = expression.Replace("$__rate_interval", "5m", StringComparison.Ordinal).Replace("$namespace", ".*", StringComparison.Ordinal);
            Assert.DoesNotContain('$', query);
            rules.Append(System.Globalization.CultureInfo.InvariantCulture, $"      - record: panel:{index}\n        expr: '{query}'\n");
        }

        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, rules.ToString(), TestContext.Current.CancellationToken);
            await Tool.Promtool.SucceedAsync("check", "rules", file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Queries_read_the_documented_metrics_and_leave_none_out() =>
        Assert.Equal(Documentation.Metrics.Order(), MetricNames.In(string.Join('\n', Expressions)).Order());

    [Fact]
    public void Panels_have_a_number_a_title_and_a_place_of_their_own()
    {
        Assert.Distinct(Panels.Select(panel => panel["id"]!.GetValue<int>()));
        Assert.Distinct(Panels.Select(panel => (panel["gridPos"]!["x"]!.GetValue<int>(), panel["gridPos"]!["y"]!.GetValue<int>())));
        Assert.All(Panels, panel => Assert.NotEmpty(panel["title"]!.GetValue<string>()));
        Assert.All(Panels.Where(panel => panel["type"]!.GetValue<string>() != "row"), panel => Assert.NotEmpty(panel["description"]!.GetValue<string>()));
    }
}

using System.Text.RegularExpressions;

namespace ImageService.Deployment.Tests.Monitoring;

public sealed partial class AlertRuleTests
{
    private const string Rules = "deploy/prometheus/alerts.yml";
    private const string RuleTests = "deploy/prometheus/alerts.test.yml";

    [Fact]
    public async Task Promtool_accepts_the_rules() => await Tool.Promtool.SucceedAsync("check", "rules", Repository.PathOf(Rules));

    [Fact]
    public async Task The_tests_of_the_rules_pass() => await Tool.Promtool.SucceedAsync("test", "rules", Repository.PathOf(RuleTests));

    [Fact]
    public void Every_alert_is_tested_and_documented()
    {
        var alerts = Alert().Matches(Repository.Read(Rules)).Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(alerts);
        Assert.Equal(alerts.Order(), Documentation.Alerts.Order());
        Assert.All(alerts, alert => Assert.Contains($"alertname: {alert}\n        exp_alerts:\n", Repository.Read(RuleTests), StringComparison.Ordinal));
    }

    [Fact]
    public void Rules_read_only_metrics_that_are_documented() =>
        Assert.All(MetricNames.In(Repository.Read(Rules)), metric => Assert.Contains(metric, Documentation.Metrics));

    [GeneratedRegex(@"- alert: (\w+)")]
    private static partial Regex Alert();
}

using ImageService.Diffusion.Denoise;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace ImageService.Benchmarks.Reports;

/// <summary>The report's pictures, as SVG.</summary>
internal static class Charts
{
    private const int Width = 760;
    private const int Height = 440;
    private const int TitleDistance = 12;

    // Okabe and Ito's colours, told apart by everybody.
    private static readonly Dictionary<Batching, (OxyColor Color, string Title)> Looks = new()
    {
        [Batching.Step] = (OxyColor.FromRgb(0, 114, 178), "step"),
        [Batching.Equal] = (OxyColor.FromRgb(230, 159, 0), "equal"),
        [Batching.Padded] = (OxyColor.FromRgb(0, 158, 115), "padded"),
        [Batching.Serial] = (OxyColor.FromRgb(120, 120, 120), "serial"),
    };

    /// <returns>SVG by the end of its file name.</returns>
    public static IReadOnlyDictionary<string, string> Of(SimulationReport report) => new Dictionary<string, string>
    {
        ["latency"] = Svg(LatencyByLoad(report)),
        ["overload"] = Svg(Overload(report)),
        ["distribution"] = Svg(Distribution(report)),
    };

    private static PlotModel LatencyByLoad(SimulationReport report)
    {
        var plot = Plot("Latency by load, mixed traffic, simulated H100 (solid: mean, dashed: p99)", LegendPosition.TopLeft);
        plot.Axes.Add(Axis(AxisPosition.Bottom, "load: arrivals as a share of step-level capacity"));
        plot.Axes.Add(new LogarithmicAxis { Position = AxisPosition.Left, Title = "seconds", AxisTitleDistance = TitleDistance, MajorGridlineStyle = LineStyle.Solid, MajorGridlineColor = OxyColors.LightGray });
        foreach (var runs in report.Loads.Where(r => r.Traffic == Traffic.Mixed.Name && r.KeepsUp).GroupBy(r => r.Policy))
        {
            plot.Series.Add(Line(runs.Key, runs, r => r.Latency.Mean, LineStyle.Solid, Looks[runs.Key].Title));
            plot.Series.Add(Line(runs.Key, runs, r => r.Latency.P99, LineStyle.Dash, null));
        }
        return plot;
    }

    private static PlotModel Overload(SimulationReport report)
    {
        var plot = Plot("Pictures a second above capacity, mixed traffic, simulated H100", null);
        var names = new CategoryAxis { Position = AxisPosition.Left, StartPosition = 1, EndPosition = 0, GapWidth = 0.6 };
        var bars = new BarSeries { LabelPlacement = LabelPlacement.Outside, LabelFormatString = "{0:0.00}" };
        foreach (var run in report.Overload.Where(r => r.Traffic == Traffic.Mixed.Name))
        {
            names.Labels.Add(Looks[run.Policy].Title);
            bars.Items.Add(new BarItem(run.ImagesPerSecond) { Color = Looks[run.Policy].Color });
        }
        plot.Axes.Add(names);
        plot.Axes.Add(Axis(AxisPosition.Bottom, "pictures a second"));
        plot.Series.Add(bars);
        return plot;
    }

    private static PlotModel Distribution(SimulationReport report)
    {
        var plot = Plot($"Share of pictures that took no longer, mixed traffic at load {report.Distribution[0].Load}, simulated H100", LegendPosition.BottomRight);
        plot.Axes.Add(new LogarithmicAxis { Position = AxisPosition.Bottom, Title = "seconds", AxisTitleDistance = TitleDistance, MajorGridlineStyle = LineStyle.Solid, MajorGridlineColor = OxyColors.LightGray });
        plot.Axes.Add(Axis(AxisPosition.Left, "percent"));
        foreach (var run in report.Distribution)
        {
            var line = new LineSeries { Title = Looks[run.Policy].Title, Color = Looks[run.Policy].Color, StrokeThickness = 2 };
            line.Points.AddRange(run.Percentiles.Select((seconds, i) => new DataPoint(seconds, i + 1)));
            plot.Series.Add(line);
        }
        return plot;
    }

    private static LineSeries Line(Batching policy, IEnumerable<SimulationRow> runs, Func<SimulationRow, double> seconds, LineStyle style, string? title)
    {
        var line = new LineSeries
        {
            Title = title,
            RenderInLegend = title is not null,
            Color = Looks[policy].Color,
            LineStyle = style,
            StrokeThickness = 2,
            MarkerType = MarkerType.Circle,
            MarkerSize = 3,
        };
        line.Points.AddRange(runs.Select(r => new DataPoint(r.Load, seconds(r))));
        return line;
    }

    private static PlotModel Plot(string title, LegendPosition? legend)
    {
        var plot = new PlotModel { Title = title, TitleFontSize = 15, TitleFontWeight = FontWeights.Normal, DefaultFont = "Arial", Background = OxyColors.White };
        if (legend is { } position)
            plot.Legends.Add(new Legend { LegendPosition = position, LegendBackground = OxyColor.FromAColor(220, OxyColors.White), LegendLineSpacing = 6 });
        return plot;
    }

    private static LinearAxis Axis(AxisPosition position, string title) =>
        new() { Position = position, Title = title, AxisTitleDistance = TitleDistance, Minimum = 0, MaximumPadding = 0.1, MajorGridlineStyle = LineStyle.Solid, MajorGridlineColor = OxyColors.LightGray };

    private static string Svg(PlotModel plot) => new SvgExporter { Width = Width, Height = Height }.ExportToString(plot);
}

using ImageService.Api.Jobs;
using ImageService.Api.Problems;
using ImageService.Core;
using ImageService.Hosting;
using Serilog;
using Serilog.Events;
using Spectre.Console;

namespace ImageService.Standalone.CommandLine;

/// <summary>
/// One job through the whole product in this process: the same intake, store, worker, engine and blobs as a served request, in a store of
/// its own that is gone afterwards.
/// </summary>
internal static class Generation
{
    private const int Succeeded = 0;
    private const int Failed = 1;
    private const int Refused = 2;
    private const int Interrupted = 130; // 128 + SIGINT, as shells count
    private static readonly TimeSpan CancelLimit = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(JobBody body, FileInfo output, string[] configuration, CancellationToken cancellationToken)
    {
        var data = Directory.CreateTempSubdirectory("imageservice-");
        try
        {
            using var host = BuildHost(configuration, data.FullName);
            await host.StartAsync(cancellationToken);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
            try
            {
                return await DrawAsync(host.Services, body, output, over.Token);
            }
            catch (OperationCanceledException) when (host.Services.GetRequiredService<HostExit>().Code is not HostProgram.Ended and var code)
            {
                Complain(["The device is lost; the log above says how."]);
                return code;
            }
            finally
            {
                // A canceled one too: the worker must not be at work when what it works with is gone.
                await host.StopAsync(CancellationToken.None);
            }
        }
        catch (ProblemException problem)
        {
            Complain(problem.Errors is { Count: > 0 } errors ? errors.SelectMany(e => e.Value) : [problem.Message]);
            return Refused;
        }
        catch (Exception e) when (Server.Refusal(e) is { } sentence)
        {
            Complain([sentence]);
            return Failed;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            AnsiConsole.MarkupLine("[yellow]Canceled.[/]");
            return Interrupted;
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    /// <returns>The exit code of a command line that cannot be understood.</returns>
    public static int Refuse(string sentence)
    {
        Complain([sentence]);
        return Refused;
    }

    private static IHost BuildHost(string[] configuration, string data)
    {
        var builder = Host.CreateApplicationBuilder(configuration);
        builder.Configuration["Jobs:Store"] = "sqlite";
        builder.Configuration["Jobs:SqlitePath"] = Path.Combine(data, "jobs.db");
        builder.Configuration["Blobs:Store"] = "disk";
        builder.Configuration["Blobs:DiskPath"] = Path.Combine(data, "blobs");
        // One job has no neighbours: what rows cost need not be known.
        builder.Configuration["Engine:MeasureSeconds"] ??= "0";
        builder.Services.AddSerilog(log => log.MinimumLevel.Is(LogEventLevel.Warning).WriteTo.Console(standardErrorFromLevel: LogEventLevel.Verbose));
        builder.Services.AddImageService(builder.Configuration);
        return builder.Build();
    }

    private static async Task<int> DrawAsync(IServiceProvider services, JobBody body, FileInfo output, CancellationToken cancellationToken)
    {
        var store = services.GetRequiredService<IJobStore>();
        // The worker announces its models when it starts; intake fills in their defaults.
        while ((await store.ListModelsAsync(cancellationToken)).Count == 0)
            await Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken);
        var (job, _) = await services.GetRequiredService<JobIntake>().SubmitAsync(body, new Caller("command line", null, null), cancellationToken);
        try
        {
            job = await ShowProgressAsync(store, job, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await store.CancelAsync(job.Id, CancellationToken.None).WaitAsync(CancelLimit, CancellationToken.None);
            throw;
        }
        foreach (var warning in job.Warnings)
            AnsiConsole.MarkupLineInterpolated($"[yellow]{warning}[/]");
        if (job.Status != JobStatus.Succeeded)
        {
            Complain([job.Error?.Message ?? $"The job ended {job.Status}."]);
            return Failed;
        }
        await SaveAsync(services.GetRequiredService<IBlobStore>(), job, output, cancellationToken);
        return Succeeded;
    }

    private static Task<Job> ShowProgressAsync(IJobStore store, Job job, CancellationToken cancellationToken) => AnsiConsole.Progress()
        .AutoClear(true)
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
        .StartAsync(async progress =>
        {
            var bar = progress.AddTask("Loading the model", maxValue: job.Request.NumInferenceSteps);
            bar.IsIndeterminate = true;
            await foreach (var happened in store.WatchAsync(job.Id, 0, cancellationToken))
            {
                switch (happened)
                {
                    case JobProgress { Steps: > 0 } step:
                        bar.IsIndeterminate = false;
                        bar.MaxValue = step.Steps;
                        bar.Value = step.Step;
                        bar.Description = step.Step < step.Steps ? $"Step {step.Step} of {step.Steps}" : "Decoding";
                        break;
                    case JobFinished finished:
                        return finished.Job;
                }
            }
            throw new InvalidOperationException($"Job {job.Id} is gone from its store.");
        });

    private static async Task SaveAsync(IBlobStore blobs, Job job, FileInfo output, CancellationToken cancellationToken)
    {
        output.Directory?.Create();
        foreach (var image in job.Images)
        {
            var path = job.Images.Count == 1 ? output.FullName
                : Path.Combine(output.DirectoryName!, $"{Path.GetFileNameWithoutExtension(output.Name)}-{image.Index}{output.Extension}");
            await using var content = await blobs.OpenReadAsync(image.BlobName, cancellationToken)
                ?? throw new IOException($"The picture {image.BlobName} is gone.");
            await using var file = File.Create(path);
            await content.CopyToAsync(file, cancellationToken);
            AnsiConsole.MarkupLineInterpolated($"{path}  {image.Width}x{image.Height}, seed {image.Seed}, {job.FinishedAt - job.StartedAt:s\\.f} s");
        }
    }

    private static void Complain(IEnumerable<string> sentences)
    {
        foreach (var sentence in sentences)
            AnsiConsole.MarkupLineInterpolated($"[red]{sentence}[/]");
    }
}

using Microsoft.Extensions.Options;

namespace ImageService.Hosting;

/// <summary>Runs an application to its end and tells by the exit code how it went.</summary>
public static class HostProgram
{
    public const int Ended = 0;

    /// <summary>The configuration, or a file that it names, is refused. One sentence on the error stream says why.</summary>
    public const int Refused = 1;

    /// <summary>The device that models ran on is gone for this process; its jobs were handed back. A new process may find the device again.</summary>
    public const int DeviceLost = 3;

    /// <summary>As <see cref="WebApplication.CreateBuilder(string[])"/>, without an eye on the settings' files: nothing here reads a setting twice.</summary>
    /// <remarks>The watch covers the whole folder, which may be that of jobs and pictures, and wakes at each of their writes.</remarks>
    public static WebApplicationBuilder CreateBuilder(string[] arguments) => WebApplication.CreateBuilder([.. arguments, "--hostBuilder:reloadConfigOnChange=false"]);

    /// <param name="isRefusal">Exceptions whose message says all that a person needs, beside those of options and files.</param>
    public static async Task<int> RunAsync(Func<WebApplication> build, Func<Exception, bool>? isRefusal = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(build);
        try
        {
            await using var app = build();
            var exit = app.Services.GetService<HostExit>();
            await app.RunAsync(cancellationToken);
            return exit?.Code ?? Ended;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Ended; // the word to stop came before it had started
        }
        catch (Exception e) when (Sentence(e, isRefusal) is { } sentence)
        {
            await Console.Error.WriteLineAsync(sentence);
            return Refused;
        }
    }

    /// <summary>The sentence of an exception that a person can act on; null for a defect, which keeps its stack trace.</summary>
    public static string? Sentence(Exception exception, Func<Exception, bool>? isRefusal = null) => exception switch
    {
        OptionsValidationException refused => OptionsRefusal.Sentence(refused),
        IOException => exception.Message,
        // ConfigurationBinder's sentence has the setting, its value and the type.
        InvalidOperationException when exception.Message.StartsWith("Failed to convert configuration value", StringComparison.Ordinal) => exception.Message,
        _ when isRefusal?.Invoke(exception) == true => exception.Message,
        AggregateException { InnerException: { } inner } => Sentence(inner, isRefusal),
        _ => null,
    };
}

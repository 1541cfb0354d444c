using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace ImageService.Benchmarks.Gpu;

/// <summary>What the product says, on the console.</summary>
internal sealed class ConsoleLog<T> : ILogger<T>
{
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        AnsiConsole.WriteLine($"{logLevel}: {formatter(state, exception)}");
}

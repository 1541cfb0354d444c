using System.CommandLine;
using System.Runtime.InteropServices;
using ImageService.Standalone;
using ImageService.Standalone.CommandLine;

var root = new RootCommand("ImageService draws pictures from text. Without a verb it serves REST and a web page on http://127.0.0.1:5080, gRPC on http://127.0.0.1:5081.")
{
    GenerateCommand.Create(),
};
// What is not ours is ASP.NET Core's: --urls, --Models:Path=..., as everywhere.
root.TreatUnmatchedTokensAsErrors = false;
root.SetAction((parsed, cancellationToken) => Server.RunAsync([.. parsed.UnmatchedTokens], cancellationToken));
// A signal cancels, the second as the first; how long the end may then take is the host's own setting, not two seconds.
using var interruption = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null }, interruption.Token);

void Cancel(PosixSignalContext signal)
{
    signal.Cancel = true;
    interruption.Cancel();
}

using System.Collections.Concurrent;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

/// <summary>The engine's side lane: one thread beside the engine's own.</summary>
internal sealed class SideThread : ISideLane, IDisposable
{
    private readonly BlockingCollection<(Action Work, Action Done)> _pieces = [];
    private readonly Action<Action> _tell;
    private readonly Thread _thread;

    /// <param name="tell">Has something called on the engine's thread between two turns.</param>
    public SideThread(Action<Action> tell)
    {
        _tell = tell;
        _thread = new Thread(Run) { IsBackground = true, Name = "Denoise side lane" };
        _thread.Start();
    }

    public void Run(Action work, Action done) => _pieces.Add((work, done));

    /// <summary>Ends the thread after the piece it is in.</summary>
    public void Dispose()
    {
        _pieces.CompleteAdding();
        _thread.Join();
        _pieces.Dispose();
    }

    private void Run()
    {
        // The steps come first: a decode on the processor would take more than half of their time.
        ThreadNiceness.Lower();
        foreach (var (work, done) in _pieces.GetConsumingEnumerable())
        {
            work();
            _tell(done);
        }
    }
}

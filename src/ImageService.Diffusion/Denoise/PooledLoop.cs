using System.Runtime.ExceptionServices;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// A loop whose iterations have nothing to do with each other, run by its caller and by as many threads of the pool as come in time: for iterations of some ten
/// microseconds, at every step again, without allocating (<see cref="Parallel.For(int, int, Action{int})"/> makes objects at each call).
/// </summary>
/// <param name="body">Gets 0..count-1, each once, on any of the threads and in any order.</param>
public sealed class PooledLoop(Action<int> body) : IThreadPoolWorkItem
{
    private const int MostHelpers = 7; // the memory that they share limits them
    private const int WorthHelp = 1 << 17; // numbers; with fewer the caller is nearly done before the first helper comes

    private int _unclaimed; // iterations; the last goes first, so that this one number is all that threads agree on
    private int _unfinished; // iterations
    private int _called; // helpers that have not come yet
    private Exception? _failure;

    /// <summary>Returns when all iterations are done. It waits for those under way, never for a helper that has not come. One call at a time.</summary>
    /// <param name="length">Numbers that an iteration works on: where they are few, nobody is called to help.</param>
    /// <exception cref="Exception">What an iteration threw, all others done; of several, one.</exception>
    public void Run(int count, int length)
    {
        _unfinished = count;
        Volatile.Write(ref _unclaimed, count);
        if ((long)count * length >= WorthHelp)
            CallHelpers(Math.Min(Math.Min(count, Environment.ProcessorCount) - 1, MostHelpers));
        Work();
        for (var wait = new SpinWait(); Volatile.Read(ref _unfinished) > 0;)
            wait.SpinOnce(sleep1Threshold: -1);
        if (Interlocked.Exchange(ref _failure, null) is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Decrement(ref _called);
        Work();
    }

    private void CallHelpers(int wanted)
    {
        while (Volatile.Read(ref _called) < wanted)
        {
            Interlocked.Increment(ref _called);
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private void Work()
    {
        for (var unclaimed = Volatile.Read(ref _unclaimed); unclaimed > 0; unclaimed = Volatile.Read(ref _unclaimed))
        {
            if (Interlocked.CompareExchange(ref _unclaimed, unclaimed - 1, unclaimed) != unclaimed)
                continue;
            try
            {
                body(unclaimed - 1);
            }
            catch (Exception e)
            {
                Volatile.Write(ref _failure, e);
            }
            Interlocked.Decrement(ref _unfinished);
        }
    }
}

using System.Collections.Concurrent;
using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

public sealed class PooledLoopTests
{
    private const int Long = 1 << 20; // numbers; worth a helper
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public void Every_iteration_runs_once_however_many_threads_there_are()
    {
        var seen = new int[64];
        var loop = new PooledLoop(i => Interlocked.Increment(ref seen[i]));
        for (var round = 0; round < 20_000; round++)
        {
            var count = round % (seen.Length + 1);
            Array.Clear(seen);
            loop.Run(count, Long);
            Assert.False(seen.AsSpan(0, count).ContainsAnyExcept(1));
            Assert.False(seen.AsSpan(count).ContainsAnyExcept(0));
        }
    }

    [Fact]
    public void Long_iterations_run_beside_each_other()
    {
        Assert.SkipWhen(Environment.ProcessorCount < 2, "With one processor nobody helps.");
        using var both = new Barrier(2);
        var met = 0;
        new PooledLoop(_ =>
        {
            if (both.SignalAndWait(Limit))
                Interlocked.Increment(ref met);
        }).Run(2, Long);
        Assert.Equal(2, met);
    }

    [Fact]
    public void Short_iterations_run_on_the_callers_thread()
    {
        var threads = new ConcurrentBag<int>();
        var loop = new PooledLoop(_ => threads.Add(Environment.CurrentManagedThreadId));
        for (var round = 0; round < 100; round++)
            loop.Run(count: 16, length: 1000);
        Assert.Equal(1600, threads.Count);
        Assert.All(threads, thread => Assert.Equal(Environment.CurrentManagedThreadId, thread));
    }

    [Fact]
    public async Task A_pool_that_is_busy_with_something_else_holds_nobody_up()
    {
        using var over = new ManualResetEventSlim();
        // More than the pool adds threads for while the loop runs.
        var busy = Enumerable.Range(0, 8 * Environment.ProcessorCount).Select(_ => Task.Run(() => over.Wait(Limit))).ToArray();
        var sum = 0;
        new PooledLoop(i => Interlocked.Add(ref sum, i)).Run(100, Long);
        Assert.Equal(4950, sum);
        Assert.False(over.IsSet);
        over.Set();
        Assert.DoesNotContain(false, await Task.WhenAll(busy)); // else it has waited for them
    }

    [Fact]
    public void What_an_iteration_throws_is_thrown_once_the_others_are_done()
    {
        var done = 0;
        var loop = new PooledLoop(i =>
        {
            if (i == 3)
                throw new InvalidOperationException("three");
            Interlocked.Increment(ref done);
        });
        Assert.Equal("three", Assert.Throws<InvalidOperationException>(() => loop.Run(8, Long)).Message);
        Assert.Equal(7, done);
        loop.Run(3, Long);
        Assert.Equal(10, done);
    }

    [Fact]
    public void A_loop_allocates_nothing()
    {
        var sum = 0;
        var loop = new PooledLoop(i => Interlocked.Add(ref sum, i));
        for (var round = 0; round < 1000; round++)
            loop.Run(8, Long);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 1000; round++)
            loop.Run(8, Long);
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 1000.0, 0, 64);
    }
}

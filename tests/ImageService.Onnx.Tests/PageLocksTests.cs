using System.Runtime.CompilerServices;
using ImageService.Onnx.Runtime;

namespace ImageService.Onnx.Tests;

public sealed class PageLocksTests
{
    private readonly List<(nint Address, nuint Bytes)> _held = [];
    private readonly List<(nint Address, int Thread)> _letGo = [];

    [Fact]
    public void Pages_are_held_until_they_are_disposed_of()
    {
        var locks = Locks();
        var array = Pinned();
        var pages = locks.Lock(array, 40);
        Assert.Equal((nuint)40, Assert.Single(_held).Bytes);
        Assert.Empty(_letGo);
        pages!.Dispose();
        pages.Dispose();
        Assert.Equal(_held[0].Address, Assert.Single(_letGo).Address);
        GC.KeepAlive(array);
    }

    [Fact]
    public void What_was_forgotten_is_let_go_by_the_next_who_locks_and_never_by_the_garbage_collectors_thread()
    {
        var locks = Locks();
        Forget(locks);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(); // its memory must have outlived it
        Assert.Empty(_letGo);

        using var pages = locks.Lock(Pinned(), 40);
        Assert.Equal((_held[0].Address, Environment.CurrentManagedThreadId), Assert.Single(_letGo));
    }

    [Fact]
    public void Nothing_to_hold_and_a_driver_that_refuses_give_nothing_to_let_go()
    {
        Assert.Null(Locks().Lock(Array.Empty<float>(), 0));
        Assert.Null(new PageLocks((_, _) => false, _ => Assert.Fail("Nothing was held.")).Lock(Pinned(), 40));
        Assert.Empty(_held);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(PageLocks locks) => locks.Lock(Pinned(), 40);

    private static float[] Pinned() => GC.AllocateArray<float>(10, pinned: true);

    private PageLocks Locks() => new(
        (address, bytes) =>
        {
            _held.Add((address, bytes));
            return true;
        },
        address => _letGo.Add((address, Environment.CurrentManagedThreadId)));
}

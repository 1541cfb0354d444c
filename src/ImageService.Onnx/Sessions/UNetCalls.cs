using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>Makes the <see cref="UNetCall"/>s of a session, in the way that suits its device.</summary>
internal abstract class UNetCalls : IDisposable
{
    /// <summary>A batch's ports, before the first call of it.</summary>
    public abstract void Prepare(IEnumerable<UNetPort> ports);

    /// <summary>A call over some rows of a batch. Disposing of it leaves alone what calls of other batches share with it.</summary>
    /// <param name="stepping">Inputs that change at every call.</param>
    /// <param name="conditioning">Inputs that change with the conditioning's version.</param>
    public abstract UNetCall Create(IReadOnlyList<UNetPort> stepping, IReadOnlyList<UNetPort> conditioning, UNetPort output, int start, int rows);

    public abstract void Dispose();
}

/// <summary>A run of the U-Net over some rows of a batch, its buffers bound beforehand.</summary>
internal abstract class UNetCall : IDisposable
{
    /// <param name="conditioningVersion">Of what stands in the batch's conditioning now.</param>
    public abstract void Run(RunOptions options, long conditioningVersion);

    public abstract void Dispose();
}

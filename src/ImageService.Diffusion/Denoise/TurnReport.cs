namespace ImageService.Diffusion.Denoise;

/// <summary>What one turn of the engine did, for metrics.</summary>
/// <param name="Worked">False: there was nothing to do, or all that is left waits for a model to load.</param>
/// <param name="Rows">U-Net rows of the step, padding not counted; 0 = no step.</param>
/// <param name="PaddedRows">Rows the device saw.</param>
/// <param name="StepSeconds">Gather, U-Net and schedulers.</param>
/// <param name="Admitted">Jobs whose prompts were encoded.</param>
/// <param name="EncodeSeconds">For all of them.</param>
/// <param name="DecodeSeconds">0 = no picture was decoded.</param>
/// <param name="Key">What the rows of the step shared; meaningless without one.</param>
/// <param name="RowUnits">Cost of each row of the step, as <see cref="Core.RequestCost.OfRow"/>.</param>
public readonly record struct TurnReport(bool Worked, int Rows, int PaddedRows, double StepSeconds, int Admitted, double EncodeSeconds, double DecodeSeconds,
    BatchKey Key = default, double RowUnits = 0);

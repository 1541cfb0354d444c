namespace ImageService.Diffusion.Denoise;

/// <summary>What one turn of the engine did, for metrics.</summary>
/// <param name="Worked">False: there was nothing to do, or all that is left waits for a model to load.</param>
/// <param name="Batch">What the step's rows had in common; meaningless without one.</param>
/// <param name="RowUnits">Cost of each row of the step, as <see cref="Core.RequestCost.OfRow"/>.</param>
/// <param name="Rows">U-Net rows of the step, padding not counted; 0 = no step.</param>
/// <param name="PaddedRows">Rows the device saw.</param>
/// <param name="StepSeconds">Gather, U-Net and schedulers.</param>
/// <param name="SecondsAlone">What the step would have taken with nothing beside it.</param>
/// <param name="Prepared">Jobs whose prompts are encoded now, on this thread or beside it.</param>
/// <param name="PrepareSeconds">For all of them.</param>
/// <param name="Decoded">Pictures that are decoded now, on this thread or beside it.</param>
/// <param name="DecodeSeconds">For all of them.</param>
public readonly record struct TurnReport(
    bool Worked, BatchKey Batch, double RowUnits, int Rows, int PaddedRows, double StepSeconds, double SecondsAlone, int Prepared, double PrepareSeconds, int Decoded, double DecodeSeconds);

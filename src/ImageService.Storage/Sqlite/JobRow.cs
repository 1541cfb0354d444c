using ImageService.Core;
using Microsoft.Data.Sqlite;

namespace ImageService.Storage.Sqlite;

/// <summary>A row of table jobs: the job and what only the store knows of it.</summary>
internal sealed record JobRow(Job Job, long Number, long Token, string? TraceParent)
{
    private const string Columns = "number, id, client, status, request, trace_parent, step, steps, result, error, created_at, started_at, " +
        "finished_at, attempts, token";

    public const string Select = $"SELECT {Columns} FROM jobs ";
    public const string Returning = $" RETURNING {Columns}";

    public static JobRow? Find(SqliteSession session, JobId id) =>
        session.Query(Select + "WHERE id = @id", Read, ("@id", id.Value)).SingleOrDefault();

    public static JobRow Read(SqliteDataReader reader)
    {
        var result = reader.IsDBNull(8) ? null : StorageJson.Read<JobResult>(reader.GetString(8));
        var job = new Job
        {
            Id = JobId.Parse(reader.GetString(1)),
            Client = reader.GetString(2),
            Status = (JobStatus)reader.GetInt32(3),
            Request = StorageJson.Read<GenerationRequest>(reader.GetString(4)),
            Step = reader.GetInt32(6),
            Steps = reader.GetInt32(7),
            Images = result?.Images ?? [],
            Timings = result?.Timings,
            Warnings = result?.Warnings ?? [],
            Error = reader.IsDBNull(9) ? null : StorageJson.Read<JobError>(reader.GetString(9)),
            CreatedAt = Time(reader, 10)!.Value,
            StartedAt = Time(reader, 11),
            FinishedAt = Time(reader, 12),
            Attempts = reader.GetInt32(13),
        };
        return new JobRow(job, reader.GetInt64(0), reader.GetInt64(14), reader.IsDBNull(5) ? null : reader.GetString(5));
    }

    private static DateTimeOffset? Time(SqliteDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(column));
}

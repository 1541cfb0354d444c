using System.Collections.Concurrent;
using System.Globalization;
using ImageService.Core;
using Microsoft.Data.Sqlite;

namespace ImageService.Storage.Sqlite;

/// <summary>
/// The file: one writer at a time within the process (SQLite has one lock for writing anyway), any number of readers beside it, which WAL
/// lets read on while a write is under way. Other processes may open the same file; the busy timeout waits for their writes.
/// </summary>
internal sealed class SqliteDatabase : IDisposable
{
    private const int BusySeconds = 4;
    private readonly string readerConnection;
    private readonly SemaphoreSlim writing = new(1, 1);
    private readonly SqliteSession writer;
    private readonly ConcurrentBag<SqliteSession> idleReaders = [];

    public SqliteDatabase(string path, string synchronous)
    {
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = Path.GetFullPath(path),
            Pooling = false, // sessions are kept here, with their prepared statements
            DefaultTimeout = BusySeconds,
        };
        readerConnection = settings.ToString();
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(settings.DataSource)!);
            writer = new SqliteSession(readerConnection);
            writer.RunScript("PRAGMA journal_mode = WAL");
            writer.RunScript(synchronous == JobsOptions.Full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
            Migrate(writer);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            writer?.Dispose();
            throw new StoreUnavailableException($"Jobs:SqlitePath: the job database '{settings.DataSource}' cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>Runs <paramref name="work"/> in one transaction: all of it happens, or none.</summary>
    public async Task<T> WriteAsync<T>(Func<SqliteSession, T> work, CancellationToken cancellationToken)
    {
        await writing.WaitAsync(cancellationToken);
        try
        {
            writer.Execute("BEGIN IMMEDIATE");
            try
            {
                var result = work(writer);
                writer.Execute("COMMIT");
                return result;
            }
            catch
            {
                RollBack();
                throw;
            }
        }
        catch (SqliteException e) when (IsUnavailable(e))
        {
            throw Unavailable(e);
        }
        finally
        {
            writing.Release();
        }
    }

    /// <summary>Runs <paramref name="work"/> on one snapshot of the file.</summary>
    public T Read<T>(Func<SqliteSession, T> work)
    {
        try
        {
            if (!idleReaders.TryTake(out var session))
                session = new SqliteSession(readerConnection);
            try
            {
                session.Execute("BEGIN");
                var result = work(session);
                session.Execute("COMMIT");
                idleReaders.Add(session);
                return result;
            }
            catch
            {
                session.Dispose();
                throw;
            }
        }
        catch (SqliteException e) when (IsUnavailable(e))
        {
            throw Unavailable(e);
        }
    }

    public void Dispose()
    {
        while (idleReaders.TryTake(out var session))
            session.Dispose();
        writer.Dispose();
        writing.Dispose();
    }

    private void RollBack()
    {
        try
        {
            writer.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // A full disk or an I/O error has already rolled back: there is no transaction left.
        }
    }

    // Each number in Sqlite/Schema is one step; PRAGMA user_version is the last one taken. A file keeps its steps for ever.
    private static void Migrate(SqliteSession session)
    {
        var latest = 0;
        while (Script(latest + 1) is not null)
            latest++;
        if (Version(session) == latest)
            return;
        session.RunScript("BEGIN IMMEDIATE");
        var version = Version(session); // again, inside the lock: another process may have been first
        if (version > latest)
        {
            session.RunScript("ROLLBACK");
            throw new IOException($"its schema has version {version} and this program knows {latest}: a newer program wrote it.");
        }
        for (var next = (int)version + 1; next <= latest; next++)
            session.RunScript(Script(next)! + $"; PRAGMA user_version = {next.ToString(CultureInfo.InvariantCulture)};");
        session.RunScript("COMMIT");
    }

    private static long Version(SqliteSession session) => session.Scalar<long>("PRAGMA user_version");

    private static string? Script(int number)
    {
        using var stream = typeof(SqliteDatabase).Assembly.GetManifestResourceStream($"schema.{number}");
        if (stream is null)
            return null;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    // Result codes https://www.sqlite.org/rescode.html: what another try may cure. Everything else is a mistake of this program.
    private static bool IsUnavailable(SqliteException e) =>
        e.SqliteErrorCode is 5 /* BUSY */ or 6 /* LOCKED */ or 8 /* READONLY */ or 10 /* IOERR */ or 13 /* FULL */ or 14 /* CANTOPEN */;

    private static StoreUnavailableException Unavailable(SqliteException e) => new($"The job database cannot be used now: {e.Message}", e);
}

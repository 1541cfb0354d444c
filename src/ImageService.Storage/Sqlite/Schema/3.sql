-- Waiting jobs by picture size: counted from the index alone, whatever the length of the queue.
CREATE INDEX jobs_waiting_by_shape ON jobs (json_extract(request, '$.width'), json_extract(request, '$.height')) WHERE status = 0;

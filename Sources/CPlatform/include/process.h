#pragma once

/// Processors this process may run on; at least 1.
int platform_processor_count(void);

/// Opens a file without a name in `directory` for reading and writing; -errno on failure. Its space is
/// freed when the last descriptor closes.
int platform_open_unnamed(const char *directory);

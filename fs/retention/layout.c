#include "fs/retention/private.h"

enum bl_status retention_check_source(int fd, struct bl_error *why)
{
	return medium_check_file(fd, why);
}

/* private.h - private to fs/page: the one style sheet and the one script, which every page carries in full */
#ifndef FS_PAGE_PRIVATE_H
#define FS_PAGE_PRIVATE_H

#include "fs/page/page.h"

extern const char PAGE_STYLE[], PAGE_SCRIPT[];

#endif

/* stage.h - copying from the host into the tree of viewers: only what root owns and nobody else can change
 *
 * Every path of the tree is given as it is on the host ("/usr/bin/less") and lies below an open folder, the tree's root. The functions
 * that write give 0 or an errno; what the host does not have, or has in a state we do not trust, is told apart by host_open.
 */
#ifndef FS_SESSION_SEALED_STAGE_H
#define FS_SESSION_SEALED_STAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * host_open - a file of a package, to read; -1 when there is none, or when anybody but root can change it or a folder above it
 *
 * Links are followed (alternatives); what is checked is where they lead. Never a setuid program.
 * @out_real  PATH_MAX bytes: where it is, without links; may be NULL
 */
int host_open(const char *path, char *out_real);

int stage_folder(int root_fd, const char *path, mode_t mode);
/* stage_file - its parents are made; one that is there already stays */
int stage_file(int root_fd, const char *path, int source_fd, mode_t mode);
int stage_text(int root_fd, const char *path, const char *text);
int stage_link(int root_fd, const char *target, const char *path);
/* stage_copy - a file as it is on the host, mode 0444; no error when the host does not have it */
int stage_copy(int root_fd, const char *path);
/* stage_copy_all - all files in a folder of the host and in its folders, to a depth of a few */
int stage_copy_all(int root_fd, const char *path);

/*
 * program_stage - a viewer and the libraries it needs
 *
 * @name  searched in /usr/bin and /bin, or a whole path
 * 0; -1: it is missing here (or is no program that we take); or an errno: the tree cannot be built
 */
int program_stage(int root_fd, const char *name);
/* program_base - its name in the tree, behind /usr/bin/; NULL when it would have none */
const char *program_base(const char *name);

#endif

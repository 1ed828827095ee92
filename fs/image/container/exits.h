/* exits.h - how a bailee-container-* ends: its exit codes, known to it and to who starts it */
#ifndef FS_IMAGE_CONTAINER_EXITS_H
#define FS_IMAGE_CONTAINER_EXITS_H

/* An image above this is refused: no medium holds a pebibyte, but a header of 8 bytes easily says so. */
#define CONTAINER_MAX_BYTES (UINT64_C(1) << 50)

/* The words are in ../container.c. Codes are far from those of a shell (126 and up) and of ASan (1). */
enum container_exit {
	EXIT_DONE = 0,	 /* everything written, or the other side has gone */
	EXIT_USAGE = 64, /* not started, or asked, as container_start and container_ask do */
	EXIT_NOT_SEALED, /* the kernel did not take the confinement: nothing was read */
	EXIT_NO_MEMORY,	 /* our own, at start; a library without memory is EXIT_DAMAGED */
	EXIT_DAMAGED,	 /* the library cannot open it */
	EXIT_ENCRYPTED,
	EXIT_NEEDS_PARENT,  /* differencing, backing file */
	EXIT_HAS_SNAPSHOTS, /* more than one state inside: which one is meant? */
	EXIT_NOT_READ,	    /* a feature that the library would silently read wrong */
	EXIT_OPEN_LOG,	    /* was not closed: its log is to be replayed first */
	EXIT_BAD_SIZE,	    /* no bytes, or above CONTAINER_MAX_BYTES */
	EXIT_BAD_START,	    /* to begin beyond the end, or not at a multiple of 64 KiB */
	EXIT_PIPE, /* writing failed, or a question did, other than by the other side leaving */
};

#endif

/* fake-reader.h - how a test tells the fake reader what to be: a script in the first 4 KiB of the image
 *
 * The fake is not sealed: it appends one byte to the file @state each time it starts, so that a script
 * can say "only the first two starts".
 */
#ifndef TESTS_TOOLS_FAKE_READER_H
#define TESTS_TOOLS_FAKE_READER_H

#include <stdint.h>

#define FAKE_MAGIC	   0x454b4146u
#define FAKE_SCRIPT_BYTES  4096
#define FAKE_IMAGE_BYTES   (1u << 20)
#define FAKE_VOLUME_OFFSET 4096u

/* The tree of volume 0 when nothing is wrong. */
#define FAKE_ROOT	  2u
#define FAKE_FILE	  10u /* mapped in three runs with a hole */
#define FAKE_FILE_BYTES	  40000u
#define FAKE_SMALL	  11u /* no map: READ */
#define FAKE_SMALL_BYTES  100000u
#define FAKE_LINK	  12u
#define FAKE_LINK_TARGET  "somewhere/else"
#define FAKE_BIG_DIR	  13u /* FAKE_BIG_ENTRIES entries over several pages */
#define FAKE_BIG_ENTRIES  2500u
#define FAKE_OPEN_VOLUMES 7u /* where a script names volumes */

enum fake_fault {
	FAKE_GOOD,
	FAKE_CRASH,	    /* exits instead of answering */
	FAKE_HANG,	    /* writes a byte to the file @state.hung, and waits for ever */
	FAKE_BLOCK_FOREVER, /* asks for blocks without end */
	FAKE_BLOCK_OUTSIDE, /* asks for blocks behind the image, answers EIO if it got an error */
	FAKE_BLOCK_HUGE,    /* asks for 2 MiB at once */
	FAKE_WRONG_SERIAL,
	FAKE_WRONG_MAGIC,
	FAKE_WRONG_OP,
	FAKE_SHORT_MESSAGE,
	FAKE_LONG_MESSAGE,
	FAKE_OVERSIZE, /* says more bytes than the window has */
	FAKE_NEGATIVE_ERROR,
	FAKE_NO_BYTES, /* an answer of length 0 */
	FAKE_MAP_OUTSIDE,
	FAKE_MAP_BEFORE, /* before the volume: another partition's bytes */
	FAKE_MAP_OVERLAP,
	FAKE_MAP_OVERFLOW,
	FAKE_MAP_UNSORTED,
	FAKE_MAP_EMPTY_RUN,
	FAKE_MAP_MANY,	  /* more runs than the size allows */
	FAKE_MAP_ENDLESS, /* the next index never moves */
	FAKE_NAME_SLASH,
	FAKE_NAME_DOTDOT,
	FAKE_NAME_NUL,
	FAKE_NAME_EMPTY,
	FAKE_RECORD_SHORT,
	FAKE_LIST_ENDLESS, /* empty pages that promise more */
	FAKE_LIST_MILLION, /* more than a million entries */
	FAKE_LIST_SLOW,	   /* the same, with a pause before each page */
	FAKE_SIZE_HUGE,	   /* over what a file can have */
	FAKE_LINK_NUL,
	FAKE_READ_SHORT,
	FAKE_READ_OTHER,    /* other bytes on even starts */
	FAKE_OTHER_VOLUMES, /* another digest on even starts */
	FAKE_OTHER_VOLUME,  /* the first of several has another digest */
	FAKE_NO_VOLUMES,
	FAKE_BAD_VOLUMES, /* a table of half a volume */
	FAKE_PLACES_OUTSIDE,
	FAKE_PLACES_BEFORE, /* before the volume */
	FAKE_PLACES_OVERLAP,
	FAKE_PLACES_OVERFLOW,
	FAKE_PLACES_UNSORTED,
	FAKE_PLACES_EMPTY_RUN,
	FAKE_PLACES_OF_FILE, /* a file offset where none may be */
	FAKE_PLACES_HALF,    /* half a run */
	FAKE_PLACES_AGAIN,   /* the same page for ever, with a next one */
	FAKE_PLACES_STUCK,   /* a cursor that never moves, and no run */
	FAKE_PLACES_BEYOND,  /* a cursor past the volume's end */
	FAKE_PLACES_REFUSED, /* EOPNOTSUPP */
	FAKE_LIES_OUTSIDE,   /* attributes of a file in one piece, behind the volume */
	FAKE_LIES_BEFORE,
	FAKE_LIES_OVERFLOW,
	FAKE_OPEN_ENDS, /* of several volumes, dies at each in `volumes` that it is not told to leave alone */
	FAKE_OPEN_TURNS, /* dies each time it opens several, and says another volume than the time before */
	FAKE_XATTR_NUL, /* in a name */
	FAKE_XATTR_UNNAMED,
	FAKE_XATTR_HUGE,    /* a value of more than 64 KiB */
	FAKE_XATTR_OUTSIDE, /* a record that ends behind the answer */
	FAKE_XATTR_SHORT,   /* a record shorter than what is in it */
	FAKE_XATTR_STUCK,   /* a record of no length */
};

struct fake_script {
	uint32_t magic;
	uint32_t fault;
	uint32_t from_start,
		to_start; /* the fault is there in these starts only, 1-based; 0, 0: always */
	uint64_t inode;	  /* and for requests to this inode only; 0: any but OPEN */
	uint32_t op;	  /* and for this operation only; 0: any */
	/* FAKE_OPEN_ENDS: bits. Of another fault: of several volumes only these have it; 0: there is one volume */
	uint32_t volumes;
	char state[248];
};

#endif

/* detect.h - bytes in, spans of personal data out: profile, kinds, verifiers, known identities
 *
 * Text is answered by *windows* on an absolute grid of DETECT_WINDOW bytes. What a byte's mask is
 * depends only on its window and the DETECT_MARGIN bytes around it (DETECT_REACH for key blocks), so the
 * answer is the same whatever the offsets, sizes, order and threads of the reads.
 */
#ifndef POLICY_DETECT_DETECT_H
#define POLICY_DETECT_DETECT_H

#include "policy/base.h"
#include "policy/words.h"

#define DETECT_WINDOW (64u << 10) /* the grid */
#define DETECT_MARGIN                                                                              \
	1024u /* context for everything but key blocks; no span but a key block is longer
                                      than half of it */
#define DETECT_REACH                                                                               \
	(16u                                                                                       \
	 << 10) /* longest PEM block looked back for; of longer ones the base64 behind is hidden as such */
#define DETECT_LEAD                                                                                \
	(DETECT_REACH + DETECT_MARGIN) /* bytes to have before a window (less at the start) */
#define DETECT_TAIL (DETECT_REACH + DETECT_MARGIN) /* bytes to have behind it (less at the end) */

#define DETECT_VERSION 2 /* grows whenever spans may change */

struct detect_span {
	uint64_t offset; /* in the file */
	uint32_t length; /* bytes, at least 1 */
	uint8_t class;	 /* enum bl_class, or a custom one below CLASS_LIMIT */
	uint8_t is_sure; /* shape and checksum (1) or context only (0) */
};

struct detect_spans {
	struct detect_span *items; /* sorted by offset, then longest first; may overlap */
	size_t count, room;
};
void detect_spans_free(struct detect_spans *spans); /* frees items, not the struct */

/* ---- what kind of file ---------------------------------------------------------------------- */

/* How characters are written in a file, or in a part of one. */
enum detect_charset {
	CHARSET_UTF8,
	CHARSET_WINDOWS_1252, /* and ISO 8859-1, of which it is the superset everybody means (WHATWG Encoding); any byte is a character */
	CHARSET_UTF16LE,
	CHARSET_UTF16BE,
	CHARSET_UTF32LE,
	CHARSET_UTF32BE,
	CHARSET_COUNT
};
/* How the bytes of a part are written once more (RFC 2045, 6). */
enum detect_transfer { TRANSFER_NONE, TRANSFER_QUOTED_PRINTABLE, TRANSFER_BASE64 };

/* What structure there is in a file. All but DETECT_PLAIN are looked through from the start, once; see detect_look. */
enum detect_format {
	DETECT_PLAIN, /* text, logs, INI, key=value, configuration, programs: answered by window */
	DETECT_CSV,   /* RFC 4180 and other separators: a header names the columns */
	DETECT_JSON,  /* RFC 8259, and JSON Lines */
	DETECT_XML,   /* and HTML, property lists */
	DETECT_CARD,  /* content lines: vCard 2.1 to 4.0, iCalendar, LDIF */
	DETECT_MAIL,  /* RFC 5322, MIME, mbox */
	DETECT_FORMAT_COUNT
};

struct detect_profile {
	enum bl_file_kind kind; /* for the policy's `kinds` */
	bool is_text;		/* text that the scanner may look into */
	uint8_t charset;	/* enum detect_charset */
	uint8_t format;		/* enum detect_format */
	char separator;		/* of DETECT_CSV: ',', ';', '\t', '|' */
	const char *reason; /* when no text: "a database", "a picture", ...; static, no content */
};

/*
 * detect_profile - what is this file, by its first bytes and its name?
 *
 * @head    the first min(size, DETECT_HEAD) bytes
 * @name    last path component (for telling contacts, calendar, mail, key from text); may be NULL
 *
 * Fails closed: what is not surely text is not text, NUL least of all. An empty file is text. Text that hides what it
 * says is not text: RTF, PostScript, uuencode and yEnc, encoded parts outside of what is surely mail, charsets of two bytes (ISO 2022) and
 * of other scripts than Latin (KOI8-R, Shift_JIS), mail by its name only that is longer than the head. Parts of mail and cards are walked through.
 */
#define DETECT_HEAD 65536u
void detect_profile(const uint8_t *head, size_t length, uint64_t size, const char *name,
		    struct detect_profile *out_profile);

/* ---- the scanner ---------------------------------------------------------------------------- */

/* Known identities of one device: the customer's own, from the record, and those that were harvested on it. */
enum detect_identity_kind { IDENTITY_NAME, IDENTITY_EMAIL, IDENTITY_PHONE, IDENTITY_ADDRESS };
struct detect_identity {
	enum detect_identity_kind kind;
	const char *value; /* UTF-8, as in the record */
	bool is_harvested; /* found on the device, else from the record */
};

/* ---- classes of a policy's own -------------------------------------------------------------------- */

/*
 * Patterns of `detect.custom`, compiled once (libvectorscan); counted, immutable, any number of threads.
 *
 * A pattern is a regular expression as libvectorscan takes them (PCRE without back references and assertions of any
 * length). It must match at least one byte and can match at most DETECT_CUSTOM_WIDTH, so that an answer never depends on
 * where a window begins. Matches are spans wherever they stand; of several that overlap all bytes are hidden.
 *
 * Characters are those of UTF-8; case counts as written ((?i) is taken); \w, \d, \s and \b know ASCII only. ^ and $ are
 * refused, as nothing has to stand at an edge. Matches of one class that overlap or touch are one span (in pieces of a
 * grid where it would be longer than half a margin). A word also begins behind an escape such as "\n", and in file
 * names '_' is a gap too. Else a value is found as it is written: not across hidden characters or line ends that its
 * pattern does not name.
 */
#define DETECT_CUSTOM_WIDTH 96 /* bytes of the longest possible match */
struct detect_pattern {
	const char *pattern;
	uint8_t class; /* from CLASS_COUNT on, below CLASS_LIMIT */
};
struct detect_custom;

/*
 * detect_custom_check - may this pattern be given to the matcher? Costs little: what one costs to compile is bounded by
 * what is refused here. BL_OK; BL_INVALID (@why says what about it); BL_NO_MEMORY; BL_UNSUPPORTED
 */
enum bl_status detect_custom_check(const char *pattern, struct bl_error *why) BL_MUST_CHECK;
/*
 * detect_custom_new - BL_OK; BL_INVALID (@out_bad: which pattern, and @why says what about it); BL_NO_MEMORY;
 * BL_UNSUPPORTED (the matcher does not run on this processor)
 */
enum bl_status detect_custom_new(const struct detect_pattern *patterns, size_t count,
				 struct detect_custom **out_custom, size_t *out_bad,
				 struct bl_error *why) BL_MUST_CHECK;
struct detect_custom *detect_custom_ref(const struct detect_custom *custom);
void detect_custom_unref(struct detect_custom *custom);
BL_DEFINE_CLEANUP(struct detect_custom, detect_custom_unref)
/* detect_custom_finds - does the pattern of @class match all of @text? (for `example`) */
bool detect_custom_finds(const struct detect_custom *custom, unsigned class, const char *text,
			 size_t length);
/* detect_custom_same - do both (NULL: none) look for the same? */
bool detect_custom_same(const struct detect_custom *a, const struct detect_custom *b);
/* detect_custom_pattern - the @index-th of its patterns, in an order that is always the same; NULL: there are no more. @custom NULL: none */
const struct detect_pattern *detect_custom_pattern(const struct detect_custom *custom,
						   size_t index);

/* ---- scanning ------------------------------------------------------------------------------------- */

struct detect_scanner; /* immutable after detect_scanner_new: any number of threads */

/*
 * detect_scanner_new - a scanner for one device
 *
 * @classes     what the policy looks for; classes without a detector here are ignored
 * @custom      the policy's own classes, referenced; NULL: none
 * @identities  copied and compiled: variants in order, initials, case, folded diacritics, user-name forms;
 *              whole words; a stop-list and a minimum length keep May and Will readable
 *
 * BL_OK, BL_NO_MEMORY, BL_FAILED (the matcher cannot be built).
 */
enum bl_status detect_scanner_new(bl_classes classes, const struct detect_custom *custom,
				  const struct detect_identity *identities, size_t identity_count,
				  struct detect_scanner **out_scanner,
				  struct bl_error *why) BL_MUST_CHECK;
void detect_scanner_free(struct detect_scanner *scanner);
BL_DEFINE_CLEANUP(struct detect_scanner, detect_scanner_free)

/* The classes this version has detectors for. */
bl_classes detect_supported(void);

struct detect_window {
	const uint8_t *bytes; /* lead + core + tail, contiguous */
	size_t lead;	      /* bytes before the core: DETECT_LEAD, or all there are */
	size_t core;	      /* the window: DETECT_WINDOW, or what is left of the file; may be 0 */
	size_t tail;	      /* bytes behind the core: DETECT_TAIL, or all there are */
	uint64_t offset;      /* of the core in the file: a multiple of DETECT_WINDOW */
};

/*
 * detect_scan - every span that touches [offset - MARGIN, offset + core + MARGIN)
 *
 * @out_spans  reused: count is set, items grown as needed (realloc)
 *
 * BL_OK; BL_UNSUPPORTED when the window (lead and tail included up to the margin) holds NUL or is not UTF-8:
 * the caller withholds the window; BL_NO_MEMORY.
 */
enum bl_status detect_scan(const struct detect_scanner *scanner, const struct detect_window *window,
			   struct detect_spans *out_spans) BL_MUST_CHECK;

/* ---- files of any charset and format ------------------------------------------------------------------- */

/*
 * Where a structured file's scanner stands: fixed size, no pointers, so that it may be kept (sealed) and gone on from, by the same
 * DETECT_VERSION on the same kind of machine. Zeroed: the start of a file.
 */
#define DETECT_STATE 1024u
struct detect_state {
	uint64_t offset; /* in the file: what was looked at so far */
	uint8_t bytes[DETECT_STATE];
};

/* A part of a window that is written in one way. Pieces are in order, do not overlap, and cover what was looked at. */
struct detect_piece {
	uint64_t start, end; /* in the file */
	uint8_t charset;     /* enum detect_charset */
	uint8_t transfer;    /* enum detect_transfer */
	uint8_t phase; /* of TRANSFER_BASE64: characters of a quad that stand before `start`, 0..3 */
	uint8_t format; /* enum detect_format of the text in it: masks keep it valid */
};
struct detect_pieces {
	struct detect_piece *items;
	size_t count, room;
};
void detect_pieces_free(struct detect_pieces *pieces); /* frees items, not the struct */

/* detect_is_local - can each window of such a file be answered by itself? Else windows come in order, from a state. */
bool detect_is_local(const struct detect_profile *profile);

/*
 * detect_look - every span that touches the window and DETECT_MARGIN around it, whatever charset and format the file has
 *
 * @state       NULL when detect_is_local(). Else in: the state at max(0, window->offset - DETECT_LEAD), zeroed for the file's
 *              start; out: the state for the next window, at window->offset + DETECT_WINDOW - DETECT_LEAD
 * @out_spans   offsets and lengths are those of the file's own bytes, whatever they spell
 * @out_pieces  how the bytes from lead to tail are written: mask_look needs it. One piece for most files
 *
 * A window of UTF-8 text that is none is looked at as windows-1252 (what lies about its charset is bytes). Same law as
 * detect_scan's: whatever the order and sizes, the spans are those of the whole file.
 *
 * BL_OK; BL_UNSUPPORTED: the window holds NUL where its charset has none, and is to be withheld (a state goes on all the same);
 * BL_NO_MEMORY. Allocates nothing once @out_spans, @out_pieces and @work have grown.
 */
struct detect_work; /* buffers of one thread */
enum bl_status detect_work_new(struct detect_work **out_work) BL_MUST_CHECK;
void detect_work_free(struct detect_work *work); /* wipes */
BL_DEFINE_CLEANUP(struct detect_work, detect_work_free)
enum bl_status detect_look(const struct detect_scanner *scanner,
			   const struct detect_profile *profile, struct detect_state *state,
			   const struct detect_window *window, struct detect_work *work,
			   struct detect_spans *out_spans,
			   struct detect_pieces *out_pieces) BL_MUST_CHECK;

/*
 * detect_field_class - which class a field has by its name alone; CLASS_COUNT: none that we know
 *
 * Names of CSV columns, JSON keys, XML elements, database columns, labels: "Phone 2 - Value", "date_of_birth", "dateOfBirth",
 * "E-Mail", "Geburtsdatum", "IBAN", "passwd". Case, '_', '-', '.', spaces and digits at the end do not count; camelCase is words.
 */
unsigned detect_field_class(const char *name, size_t length);

/*
 * detect_is_value - would somebody's check take exactly these bytes for a value of @class? Shape and check digits of any kind of
 * it that has a check; labels aside. For policy/mask, which never makes one.
 */
bool detect_is_value(unsigned class, const uint8_t *bytes, size_t length);

/* ---- harvest: who is known on a device -------------------------------------------------------------------- */

/* How a file or folder can name people whose type is certain. */
enum detect_source {
	DETECT_SOURCE_NONE,
	DETECT_SOURCE_CARD, /* vCard, LDIF */
	DETECT_SOURCE_MAIL, /* From, To, Cc, Reply-To of messages and mbox */
	DETECT_SOURCE_CSV, /* an export of contacts: a header with name, email, phone or address columns */
	DETECT_SOURCE_GIT,     /* [user] of .gitconfig, .git/config */
	DETECT_SOURCE_BROWSER, /* profiles kept as JSON: autofill, account of the browser */
	DETECT_SOURCE_PROFILE, /* a folder of somebody's own: its name is theirs ("/Users/kim.larsen") */
};
/* detect_harvest_source - by its path inside a partition ('/' between, none in front) and whether it is a folder. Cheap, content unseen. */
enum detect_source detect_harvest_source(const char *path, size_t length, bool is_folder);

/* What is harvested: unique, at most DETECT_HARVEST_LIMIT; free with detect_harvest_free, which wipes. */
#define DETECT_HARVEST_LIMIT 20000u
#define DETECT_HARVEST_FILE  (4u << 20) /* bytes of one file that are looked at */
struct detect_harvest;
enum bl_status detect_harvest_new(struct detect_harvest **out_harvest) BL_MUST_CHECK;
void detect_harvest_free(struct detect_harvest *harvest);
BL_DEFINE_CLEANUP(struct detect_harvest, detect_harvest_free)
/* detect_harvest_file - what @bytes (the whole file, or its first DETECT_HARVEST_FILE bytes) name; @path for PROFILE. BL_OK, BL_NO_MEMORY */
enum bl_status detect_harvest_file(struct detect_harvest *harvest, enum detect_source source,
				   const char *path, const uint8_t *bytes,
				   size_t length) BL_MUST_CHECK;
/* detect_harvest_items - valid until the next call on @harvest; sorted, so that the same device gives the same list */
const struct detect_identity *detect_harvest_items(struct detect_harvest *harvest,
						   size_t *out_count);

/* ---- names --------------------------------------------------------------------------------------------------- */

/*
 * detect_scan_name - spans of one file name, offsets from its first byte
 *
 * Same scanner, no grid; '_', '-' and '.' also end a word here. Names need not be UTF-8.
 * BL_OK, BL_NO_MEMORY.
 */
enum bl_status detect_scan_name(const struct detect_scanner *scanner, const char *name,
				size_t length, struct detect_spans *out_spans) BL_MUST_CHECK;

#endif

/* What a kernel was found to do, in words. */
#include "fs/serve/serve.h"

#include <stdio.h>
#include <string.h>

static bool asks_each_read(const struct serve_kernel *kernel)
{
	return kernel->asks_each_read;
}

static bool asks_each_splice(const struct serve_kernel *kernel)
{
	return !kernel->keeps_splices;
}

static bool has_shared_maps(const struct serve_kernel *kernel)
{
	return kernel->has_shared_maps;
}

static bool drops_pages(const struct serve_kernel *kernel)
{
	return kernel->drops_pages;
}

static bool drops_names(const struct serve_kernel *kernel)
{
	return kernel->drops_names;
}

static bool refuses_others(const struct serve_kernel *kernel)
{
	return kernel->refuses_others;
}

static bool has_honest_rings(const struct serve_kernel *kernel)
{
	return kernel->ring != SERVE_RING_OTHER;
}

static bool is_quiet_at_close(const struct serve_kernel *kernel)
{
	return kernel->is_quiet_at_close;
}

static bool reads_at_once(const struct serve_kernel *kernel)
{
	return kernel->largest_read >= SERVE_MAX_READ;
}

static const struct row {
	const char *check;
	bool (*is_so)(const struct serve_kernel *kernel);
	const char *text, *word;
	enum serve_grade grade; /* when it is not so */
	const char *else_text, *else_word;
} ROWS[] = {
	{"view reads", asks_each_read, "each read is a request, and so an event", "reads ask",
	 SERVE_LEAK,
	 "reads are answered without a request, and so without an event (another kernel)",
	 "READS DO NOT ASK"},
	{"view splices", asks_each_splice, "each splice is a request, and so an event",
	 "splices ask", SERVE_GOOD,
	 "what splice or a map has fetched comes from the cache when the same person fetches it "
	 "again: the first time is an event",
	 "splices ask once"},
	{"view maps", has_shared_maps, "private and shared", "shared maps", SERVE_SLOWER,
	 "private only: programs that map files shared fail (Linux 6.6 or newer)",
	 "no shared maps"},
	{"view pages", drops_pages, "what is mapped goes when a right goes", "pages go", SERVE_LEAK,
	 "pages stay readable after a right is gone (another kernel)", "PAGES STAY"},
	{"view names", drops_names, "names and sizes go when a right goes", "names go", SERVE_LEAK,
	 "names and sizes stay after a right is gone (another kernel)", "NAMES STAY"},
	{"view's person", refuses_others, "a view is closed to everybody else, root included",
	 "others refused", SERVE_LEAK,
	 "others get into a person's view, and read what the kernel keeps of it unlogged (as root: "
	 "echo N >/sys/module/fuse/parameters/allow_sys_admin_access, then restart the service)",
	 "OTHERS GET IN"},
	{"view io_uring", has_honest_rings, "a ring asks in its maker's name, or there is none",
	 "rings known", SERVE_SLOWER,
	 "a polled ring asks in another's name, and is refused (io_uring without SQPOLL)",
	 "rings unknown"},
	{"view closes", is_quiet_at_close, "tell nobody anything", "quiet closes", SERVE_SLOWER,
	 "each is a request: many small files are slower (Linux 5.16 or newer)", "closes ask"},
	{"view read size", reads_at_once, "1 MiB in one request", "reads of 1 MiB", SERVE_SLOWER,
	 "large reads come in pieces, and are slower (sysctl fs.fuse.max_pages_limit=256)",
	 "smaller reads"},
};
_Static_assert(BL_COUNT(ROWS) == SERVE_FACTS, "each row is a fact");

struct serve_fact serve_kernel_fact(const struct serve_kernel *kernel, size_t at)
{
	const struct row *row = &ROWS[at];

	return row->is_so(kernel) ? (struct serve_fact){row->check, SERVE_GOOD, row->text}
				  : (struct serve_fact){row->check, row->grade, row->else_text};
}

const char *serve_kernel_leak(const struct serve_kernel *kernel)
{
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct serve_fact fact = serve_kernel_fact(kernel, i);

		if (fact.grade == SERVE_LEAK)
			return fact.text;
	}
	return NULL;
}

void serve_kernel_words(const struct serve_kernel *kernel, char out_words[SERVE_KERNEL_WORDS])
{
	size_t length = 0;

	out_words[0] = '\0';
	for (size_t i = 0; i < BL_COUNT(ROWS) && length < SERVE_KERNEL_WORDS; i++)
		length +=
			(size_t)snprintf(out_words + length, SERVE_KERNEL_WORDS - length, "%s%s",
					 i ? ", " : "kernel: ",
					 ROWS[i].is_so(kernel) ? ROWS[i].word : ROWS[i].else_word);
}

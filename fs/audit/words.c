#include "fs/audit/audit.h"

#include <string.h>

static const char *const OPS[AUDIT_OP_COUNT] = {
	[AUDIT_START] = "start",
	[AUDIT_STOP] = "stop",
	[AUDIT_RECOVERED] = "recovered",
	[AUDIT_HEARTBEAT] = "heartbeat",
	[AUDIT_POLICY_LOADED] = "policy-loaded",
	[AUDIT_POLICY_REFUSED] = "policy-refused",
	[AUDIT_ENROLLED] = "enrolled",
	[AUDIT_VIEW_OPENED] = "view-opened",
	[AUDIT_VIEW_CLOSED] = "view-closed",
	[AUDIT_VIEW_REVOKED] = "view-revoked",
	[AUDIT_LOOKUP] = "lookup",
	[AUDIT_LIST] = "list",
	[AUDIT_STAT] = "stat",
	[AUDIT_READLINK] = "readlink",
	[AUDIT_OPEN] = "open",
	[AUDIT_READ] = "read",
	[AUDIT_WHY] = "why",
	[AUDIT_SOURCE_ERROR] = "source-error",
	[AUDIT_HOLD_ADDED] = "hold-added",
	[AUDIT_HOLD_RELEASED] = "hold-released",
	[AUDIT_DUE] = "due",
	[AUDIT_SHRED_INTENT] = "shred-intent",
	[AUDIT_SHRED_DONE] = "shred-done",
	[AUDIT_ADMIN] = "admin",
	[AUDIT_CONSENT] = "consent",
	[AUDIT_CALLER] = "caller",
	[AUDIT_REQUESTED] = "requested",
	[AUDIT_APPROVED] = "approved",
	[AUDIT_REFUSED] = "refused",
	[AUDIT_LATCHED] = "latched",
	[AUDIT_UNLATCHED] = "unlatched",
	[AUDIT_TRIMMED] = "trimmed",
	[AUDIT_INTAKE] = "intake",
	[AUDIT_SOURCE_INTENT] = "source-intent",
	[AUDIT_SOURCE_DONE] = "source-done",
	[AUDIT_PART_INTENT] = "part-intent",
	[AUDIT_PART_DONE] = "part-done",
	[AUDIT_CUSTODY] = "custody",
	[AUDIT_NOTICE] = "notice",
	[AUDIT_INCIDENT] = "incident",
	[AUDIT_CUSTOMER_REQUEST] = "customer-request",
	[AUDIT_VERIFIED] = "verified",
	[AUDIT_INSPECTED] = "inspected",
	[AUDIT_CLOCK] = "clock",
	[AUDIT_SESSION_BEGUN] = "session-begun",
	[AUDIT_SHOWN] = "shown",
	[AUDIT_SESSION_ENDED] = "session-ended",
};

static const char *const VERDICTS[] = {
	[AUDIT_PERMITTED] = "permitted", [AUDIT_DENIED] = "denied",	    [AUDIT_ASKED] = "asked",
	[AUDIT_WITHHELD] = "withheld",	 [AUDIT_FAILED_VERDICT] = "failed",
};

const char *audit_op_name(enum audit_op op)
{
	return (unsigned)op >= 1 && (unsigned)op < AUDIT_OP_COUNT ? OPS[op] : "unknown";
}

bool audit_op_parse(const char *name, enum audit_op *out)
{
	for (unsigned i = 1; i < AUDIT_OP_COUNT; i++) {
		if (strcmp(name, OPS[i]) == 0) {
			*out = (enum audit_op)i;
			return true;
		}
	}
	return false;
}

const char *audit_verdict_name(enum audit_verdict verdict)
{
	return (unsigned)verdict < BL_COUNT(VERDICTS) ? VERDICTS[verdict] : "unknown";
}

static const char *const LOOKS[LOOKS_COUNT] = {
	[LOOKS_GOOD] = "good",
	[LOOKS_CHANGED] = "changed",
	[LOOKS_REWRITTEN] = "rewritten",
	[LOOKS_DROPPED] = "dropped",
	[LOOKS_REORDERED] = "reordered",
	[LOOKS_REPEATED] = "repeated",
	[LOOKS_SPLICED] = "spliced",
	[LOOKS_TRUNCATED] = "truncated",
	[LOOKS_ROLLED_BACK] = "rolled-back",
	[LOOKS_INSERTED] = "inserted",
	[LOOKS_CHECKPOINT] = "checkpoint",
	[LOOKS_TOMBSTONE] = "tombstone",
	[LOOKS_KEY] = "key",
	[LOOKS_IDENTITY] = "identity",
	[LOOKS_CLOCK] = "clock",
};

const char *audit_looks_name(enum audit_looks looks)
{
	return (unsigned)looks < BL_COUNT(LOOKS) ? LOOKS[looks] : "unknown";
}

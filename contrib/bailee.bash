# Completion for bailee(1). The words are those of fs/cli; tests/e2e/completion.sh holds them against --help.
_bailee()
{
	local i cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	local commands="init doctor auditor serve mount umount enroll intake view sessions open close status may why consent caller request requests approve refuse people reload"
	commands="$commands policy log hold shred certificate device receipt report incident customer-request retention verify-sample scan inspect top"
	local kinds="phone tablet laptop desktop disk usb-stick memory-card camera console wearable network printer other"
	local actions="list stat read copy unmask request approve hold release shred verify intake review administer"
	local states="received open closed held due shredded released"
	local common="--store --json --help" words= viewers="nnn less ls find file tree grep hexdump"

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi
	# Behind "view ID --" comes a viewer, and then what it takes: paths of the device, which nobody outside completes.
	if [ "$command" = view ]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			[ "${COMP_WORDS[i]}" = -- ] || continue
			[ "$i" -ne $((COMP_CWORD - 1)) ] || mapfile -t COMPREPLY < <(compgen -W "$viewers" -- "$cur")
			return
		done
	fi
	case $prev in
	--kind)
		case $command in
		enroll | intake) words=$kinds ;;
		incident) words="damage loss exposure complaint" ;;
		esac
		;;
	--device) [ "$command" = policy ] && words=$kinds ;;
	--state) words=$states ;;
	--consent) words="granted withdrawn unknown" ;;
	--caller-verified | --by) words="one-factor two-factor" ;;
	--class)
		words="name email phone address postcode date-of-birth card iban bank-account national-id tax-id passport driving-licence"
		words="$words health-id ip mac imei vin plate location crypto-address customer"
		;;
	--verdict) words="permitted denied asked withheld failed" ;;
	--op)
		words="start stop recovered heartbeat policy-loaded policy-refused enrolled view-opened view-closed view-revoked lookup list stat readlink"
		words="$words open read why source-error hold-added hold-released due shred-intent shred-done admin consent caller requested approved"
		words="$words refused latched unlatched trimmed intake source-intent source-done part-intent part-done"
		words="$words custody notice incident customer-request verified inspected clock session-begun shown session-ended"
		;;
	-o | --options)
		words="offset= partition= fs="
		[ "$command" = mount ] && words="$words timeout= policy= store= device= purpose= reason= passphrase-file= key-file= start= ro"
		;;
	--for) [ "$command" = report ] && words="customer auditor" ;;
	--lang) words="en de" ;;
	--format) words="jsonl ocsf rfc5424" ;;
	--show) words="events accesses who denied volume off-hours readers hours" ;;
	--verdict) words="permitted denied asked withheld failed" ;;
	--store | --policy | --record | --key | --signed | --proof | --report | --out | --metrics | --kit | --log | --image | --signature | --anchor | --auditor | --names | --passphrase-file | --key-file | --keys | --cursor | --ca | --cert | --cert-key)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	if [ -z "$words" ]; then
		case $command in
		init) words="--auditor --kit --passphrase --passphrase-file --key-file --credential --keys" ;;
		auditor) words="keygen" ;;
		serve) words="--policy --anchor --passphrase-file --key-file --credential" ;;
		mount) words="--foreground --debug --options --policy --purpose --reason --passphrase-file --key-file --credential" ;;
		enroll) words="--device --kind --record --options --destroy-when-due --reason" ;;
		intake)
			words="--device --kind --record --size --reason --purpose --without --only --no-free-space --verify --destroy-source"
			;;
		view) words="--purpose --reason" ;;
		sessions) [ "$COMP_CWORD" -eq 2 ] && words="end" || words="--reason" ;;
		open) words="--purpose --reason --for" ;;
		close) words="--view" ;;
		policy)
			if [ "$COMP_CWORD" -eq 2 ]; then
				words="check test explain diff publish schema load keygen sign verify trust"
			else
				case ${COMP_WORDS[2]} in
				check) words="--image --strict" ;;
				test) words="--coverage --mutate" ;;
				explain)
					words="--as --role --device --id --state --kind --size --has --class --where --at --purpose --consent"
					words="$words --caller-verified --reason --approvals --used $actions"
					;;
				load) words="--reason" ;;
				keygen) words="--no-password --password-stdin" ;;
				sign) words="--key --password-stdin" ;;
				verify) words="--key" ;;
				trust) words="--signature" ;;
				esac
			fi
			;;
		log)
			if [ "$COMP_CWORD" -eq 2 ]; then
				words="verify query follow report export ship unlatch"
			else
				local filter="--person --uid --device --path --since --until --op --verdict --rule --policy --view --session --last --zone --names --reason"
				case ${COMP_WORDS[2]} in
				verify) words="--kit --key --log --anchor" ;;
				query) words="$filter --show --hours --days --no-index --log" ;;
				report) words="--html --force --since --until --zone --log --kit --key --anchor --names --reason --purpose" ;;
				follow) words="$filter" ;;
				export) words="--format $filter" ;;
				ship) words="--to --format --cursor --from --names --reason --ca --cert --cert-key --once" ;;
				unlatch) words="--reason" ;;
				esac
			fi
			;;
		may) words="--purpose --reason" ;;
		consent) words="grant withdraw --reason --purpose" ;;
		caller) words="verified --by --ticket" ;;
		request) [ "$COMP_CWORD" -eq 2 ] && words="read copy unmask shred hold release" || words="--reason --class --purpose" ;;
		approve | refuse) words="--reason --purpose" ;;
		reload) words="--reason" ;;
		hold) [ "$COMP_CWORD" -eq 2 ] && words="add release review" || words="--reason --hold --purpose" ;;
		status) words="--metrics" ;;
		device)
			if [ "$COMP_CWORD" -eq 2 ]; then
				words="list show note move open close edit restock"
			else
				words="--purpose"
				case ${COMP_WORDS[2]} in
				list) words="$words --state --warn" ;;
				show) words="$words --yaml" ;;
				open | close | restock) words="$words --reason" ;;
				esac
			fi
			;;
		receipt) words="--signed --purpose" ;;
		report)
			if [ "$COMP_CWORD" -eq 2 ]; then
				words="device"
			else
				words="--for --html --force --text --lang --names --reason --purpose"
			fi
			;;
		incident)
			if [ "$COMP_CWORD" -eq 2 ]; then
				words="open note close list show letter"
			else
				words="--purpose"
				case ${COMP_WORDS[2]} in
				open) words="$words --kind --text" ;;
				close) words="$words --action --reason" ;;
				letter) words="$words --out" ;;
				esac
			fi
			;;
		customer-request)
			if [ "$COMP_CWORD" -eq 2 ]; then
				words="erase disclose return done refuse list"
			else
				words="--purpose"
				case ${COMP_WORDS[2]} in
				erase | disclose | return) words="$words --verified --ticket --reason" ;;
				done) words="$words --proof --reason" ;;
				refuse) words="$words --reason" ;;
				esac
			fi
			;;
		retention) [ "$COMP_CWORD" -eq 2 ] && words="plan" || words="--policy --reason --purpose" ;;
		top) words="--device --once --reason" ;;
		verify-sample) words="--percent --period --draw-only --reason --purpose" ;;
		inspect) words="--device --report --out --reason --purpose" ;;
		scan) words="--paths --policy --reason --purpose" ;;
		shred) words="--due --path --reason --purpose" ;;
		certificate) [ "$COMP_CWORD" -eq 2 ] && words="show verify" || words="--key --reason --part --html --intake --source --inspect --verified" ;;
		esac
		words="$words $common"
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[ "${#COMPREPLY[@]}" -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _bailee bailee

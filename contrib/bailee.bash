# Completion for bailee(1). The words are those of fs/cli; tests/e2e/completion.sh holds them against --help.
_bailee()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	local commands="serve mount umount enroll open close status why policy log hold shred certificate"
	local kinds="phone tablet laptop desktop disk usb-stick memory-card camera console wearable network printer other"
	local actions="list stat read copy unmask request approve hold release shred verify intake review administer"
	local common="--store --json --help" words=

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi
	case $prev in
	--kind) [ "$command" = enroll ] && words=$kinds ;;
	--device) [ "$command" = policy ] && words=$kinds ;;
	--verdict) words="permitted denied asked withheld failed" ;;
	--store | --policy | --record | --key | --log)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	if [ -z "$words" ]; then
		case $command in
		serve) words="--policy" ;;
		mount) words="--foreground --policy --purpose --reason" ;;
		enroll) words="--device --kind --record --destroy-when-due --reason" ;;
		open) words="--purpose --reason --for" ;;
		close) words="--view" ;;
		policy)
			if [ "$COMP_CWORD" -eq 2 ]; then
				words="check test explain load"
			else
				words="--strict --as --role --device --id --kind --size --class --purpose --reason --state $actions"
			fi
			;;
		log)
			if [ "$COMP_CWORD" -eq 2 ]; then
				words="verify query"
			else
				words="--key --log --uid --device --op --verdict --rule --view --since --until --last --reason"
			fi
			;;
		hold) [ "$COMP_CWORD" -eq 2 ] && words="add release" || words="--reason --hold" ;;
		shred) words="--due --reason" ;;
		certificate) [ "$COMP_CWORD" -eq 2 ] && words="show verify" || words="--key --reason" ;;
		esac
		words="$words $common"
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[ "${#COMPREPLY[@]}" -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _bailee bailee

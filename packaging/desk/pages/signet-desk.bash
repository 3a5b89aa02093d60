_signet_desk() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    case $before in
    --config | --checkpoint | --key | export | verify | check) compopt -o default; COMPREPLY=(); return ;;
    --identity | --from | --to | --rfq) COMPREPLY=(); return ;;
    esac
    local offer
    case " ${COMP_WORDS[*]:1:COMP_CWORD-1} " in
    *" export "*) offer="--from --to --rfq --identity --config" ;;
    *" policy check "* | *" update verify "*) offer="--key" ;;
    *" verify "*) offer="--part --checkpoint" ;;
    *" show "*) offer="--json --config" ;;
    *" policy "*) offer="show check" ;;
    *" history "*) offer="export verify" ;;
    *" update "*) offer="status check fetch run rollback verify" ;;
    *" erase "*) offer="--yes" ;;
    *" doctor "*) offer="--config --identity" ;;
    *) offer="doctor history policy update erase --config --version --help" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$word")
}
complete -F _signet_desk signet-desk

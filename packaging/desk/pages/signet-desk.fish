complete -c signet-desk -f
complete -c signet-desk -n __fish_use_subcommand -a doctor -d 'say why a venue cannot be reached'
complete -c signet-desk -n __fish_use_subcommand -a history -d 'export or verify the signed history'
complete -c signet-desk -n '__fish_seen_subcommand_from history' -a 'export verify'
complete -c signet-desk -n '__fish_seen_subcommand_from export verify' -F
complete -c signet-desk -l config -r -F -d 'the venues to offer'
complete -c signet-desk -l identity -x -d 'examine with this identity only'
complete -c signet-desk -l from -x -d 'from this time on'
complete -c signet-desk -l to -x -d 'until this time'
complete -c signet-desk -l rfq -x -d 'only what is about this RFQ'
complete -c signet-desk -l part -d 'records may be left out'
complete -c signet-desk -l checkpoint -r -F -d 'it must go on where this earlier checkpoint was'
complete -c signet-desk -l version -d 'print the version'
complete -c signet-desk -l help -d 'print what can be typed'

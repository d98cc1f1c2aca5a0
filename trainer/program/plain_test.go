package program

func playPlain(scenario string, args []string) bool { return false }

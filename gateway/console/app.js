// The pages of the console begin here.

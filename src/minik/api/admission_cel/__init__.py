"""CEL as admission policies and match conditions speak it: their variables, the authorizer, object literals."""

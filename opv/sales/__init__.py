"""Won sales (vendas ganhas): in the CRM alone, or by a process in the sales module."""
